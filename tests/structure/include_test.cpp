#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "tests/support/paths.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// Which folders the files of a folder may include.
const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"spec", {"spec"}},
    {"interpreter", {"interpreter", "spec"}},
    {"layers", {"layers", "interpreter", "spec"}},
    {"codegen", {"codegen", "interpreter", "spec"}},
    {"runtime", {"runtime", "codegen", "interpreter", "spec"}},
};

// The folder of `#include "folder/..."`, or nothing for any other line.
std::string included_folder(const std::string& line) {
  const std::string head = "#include \"";
  if (line.rfind(head, 0) != 0) return "";
  return line.substr(head.size(), line.find('/') - head.size());
}

std::string wrong_includes_of(const fs::path& path,
                              const std::set<std::string>& allowed) {
  std::string wrong;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const std::string folder = included_folder(line);
    if (folder.empty() || allowed.count(folder)) continue;
    wrong += fs::relative(path, source_dir()).string() + ": " + line + "\n";
  }
  return wrong;
}

}  // namespace

TEST_CASE("includes: only from the folders a folder stands on") {
  for (const auto& [folder, allowed] : kMayInclude) {
    for (const fs::directory_entry& entry :
         fs::recursive_directory_iterator(source_dir() / folder)) {
      if (entry.is_regular_file()) {
        CHECK_EQ(wrong_includes_of(entry.path(), allowed), "");
      }
    }
  }
}

}  // namespace lathe
