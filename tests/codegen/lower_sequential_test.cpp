#include <doctest/doctest.h>

#include "codegen/compile.h"
#include "tests/codegen/model_check.h"
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

TEST_CASE("scans: rows that lie side by side step together") {
  std::vector<DimBindings> sizes;
  for (const int64_t width : {0, 1, 7, 33, 64, 100, 130}) {
    sizes.push_back({{"B", 2}, {"C", 5}, {"W", width}});
  }
  sizes.push_back({{"B", 1}, {"C", 1}, {"W", 9}});
  sizes.push_back({{"B", 3}, {"C", 0}, {"W", 9}});
  const std::vector<ModelCase> cases = {
      {"scans over every axis", R"(
inputs: {x: "float32[B, C, W]", n: "int8[B, C, W]"}
body:
  - a = cumsum(x, axis=1)
  - b = cumsum(x * 0.5, axis=0, exclusive=true)
  - c = cumsum(x, axis=-2, reverse=true)
  - d = cumsum(n, axis=1, exclusive=true, reverse=true)
  - e = cumsum(transpose(x), axis=1)
  - f = cumsum(cast(x, bfloat16), axis=1)
outputs: {a: a, b: b, c: c, d: d, e: e, f: f}
)",
       sizes, "generic"}};
  CHECK_EQ(failures_of(cases), "");
  CHECK_EQ(loop_failures_of(cases, "neon"), "");
  const std::string text = kernels_of(
      "inputs: {x: 'float32[B, C, W]'}\nbody: ['y = cumsum(x, axis=1)']\n");
  CHECK_NE(text.find("    for (i64 i = 0; i < n1; ++i) {\n"
                     "      #pragma GCC ivdep\n"
                     "      for (i64 w = first; w < last; ++w) {\n"),
           std::string::npos);
}

}  // namespace lathe
