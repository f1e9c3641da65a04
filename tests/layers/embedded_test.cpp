#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "interpreter/library.h"
#include "tests/support/paths.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

std::string embedded_text(const std::string& name) {
  for (const LibraryFile& file : library_files()) {
    if (file.name == name) return std::string(file.text);
  }
  return "not embedded";
}

}  // namespace

TEST_CASE("embedded: every YAML file below layers is in the binary") {
  const fs::path root = source_dir() / "layers";
  for (const fs::directory_entry& entry :
       fs::recursive_directory_iterator(root)) {
    if (entry.path().extension() != ".yaml") continue;
    const std::string name = fs::relative(entry.path(), root).generic_string();
    CAPTURE(name);
    std::ifstream in(entry.path(), std::ios::binary);
    CHECK(embedded_text(name) ==
          std::string(std::istreambuf_iterator<char>(in), {}));
  }
}

}  // namespace lathe
