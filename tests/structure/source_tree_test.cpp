#include "tests/structure/source_tree.h"

#include <doctest/doctest.h>

namespace lathe {

TEST_CASE("source tree: the header of an include line") {
  CHECK_EQ(included_header("#include <tbb/task_arena.h>"), "tbb/task_arena.h");
  CHECK_EQ(included_header("#include \"spec/dim.h\"  // Dim"), "spec/dim.h");
  CHECK_EQ(included_header("// #include <vector>"), "");
}

TEST_CASE("source tree: the literals of a line") {
  using Texts = std::vector<std::string>;
  CHECK_EQ(string_literals("f(\"add\", \"a\\\"b\");"), Texts{"add", "a\\\"b"});
  CHECK_EQ(string_literals("if (c == '\"') f(\"x\");"), Texts{"x"});
  CHECK_EQ(string_literals("// like \"add\""), Texts{});
}

}  // namespace lathe
