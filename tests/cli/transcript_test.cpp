#include "tests/cli/transcript.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "tests/support/paths.h"
#include "tests/support/sanitizer.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> transcripts() {
  std::vector<fs::path> out;
  for (const auto& entry :
       fs::directory_iterator(source_dir() / "tests/cli/transcripts")) {
    if (entry.path().extension() == ".txt") out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

// LATHE_ACCEPT=1 rewrites the files; the diff is reviewed like code.
TEST_CASE("command line: transcripts read as they were") {
  const bool accept = std::getenv("LATHE_ACCEPT") != nullptr;
  for (const fs::path& path : transcripts()) {
    // The address sanitizer ends a process that asks for too much.
    if (kAddressSanitizer && path.stem() == "memory") continue;
    CAPTURE(path.filename().string());
    const std::string wanted = file_bytes(path);
    const std::string found = replay(wanted);
    if (accept && found != wanted) std::ofstream(path) << found;
    if (!accept) CHECK_EQ(found, wanted);
  }
}

}  // namespace lathe
