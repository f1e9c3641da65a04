#include <doctest/doctest.h>

#include "codegen/compile.h"
#include "tests/support/codegen_text.h"

namespace lathe {
namespace {

// The items of the only step of a model.
std::string items_of(const std::string& yaml) {
  Program program = compile(graph_from(yaml), target_preset("avx2"));
  REQUIRE_EQ(program.steps.size(), 1);
  return program.steps[0].items.to_string();
}

}  // namespace

TEST_CASE("updates: rows that cannot meet are items of their own") {
  const std::string rows = R"(
inputs: {x: "float32[B, N, 5]", u: "float32[B, N, 3]", i: "int64[B, N, 3]"}
body:
  - y = scatter(x, u, i)
)";
  CHECK_EQ(items_of(rows), "B*N");
  const std::string middle = R"(
inputs: {x: "float32[B, 9, 5]", u: "float32[B, 3, 5]", i: "int64[B, 3, 5]"}
body:
  - y = scatter(x, u, i, axis=1, mode='add')
)";
  CHECK_EQ(items_of(middle), "B");
  // Rows without updates are copied, too: they are more than the updates'.
  const std::string fewer = R"(
inputs: {x: "float32[9, 5]", u: "float32[3, 3]", i: "int64[3, 3]"}
body:
  - y = scatter(x, u, i)
)";
  CHECK_EQ(items_of(fewer), "1");
  const std::string anywhere = R"(
inputs: {x: "float32[9, 5]", u: "float32[N, 5]", i: "int64[N, 1]"}
body:
  - y = scatter_nd(x, u, i)
)";
  CHECK_EQ(items_of(anywhere), "1");
}

}  // namespace lathe
