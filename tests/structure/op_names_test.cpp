// Ops are content: code outside layers/ knows definitions, not names. A name
// in a string literal is how such knowledge would show.
#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "interpreter/op.h"
#include "tests/structure/source_tree.h"

namespace lathe {
namespace {

// Tables whose words are not ops, though some ops have the same name.
const std::map<std::string, std::string> kExempt = {
    {"interpreter/scalar_ops.def", "the scalar functions of expressions"},
};

bool names_an_op(const std::string& line) {
  for (const std::string& literal : string_literals(line)) {
    if (OpRegistry::instance().find(literal)) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("op names: no code outside layers holds one") {
  std::vector<TreeFile> files;
  for (const TreeFile& file : program_sources()) {
    if (file.folder != "layers" && !kExempt.count(file.path)) {
      files.push_back(file);
    }
  }
  CHECK_EQ(lines_where(files, names_an_op), "");
}

TEST_CASE("op names: every exempt file exists") {
  for (const auto& [path, reason] : kExempt) {
    bool exists = false;
    for (const TreeFile& file : program_sources()) {
      exists |= file.path == path;
    }
    CAPTURE(path);
    CHECK(exists);
  }
}

}  // namespace lathe
