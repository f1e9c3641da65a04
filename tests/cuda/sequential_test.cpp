// Scans, sorts and updates of a GPU in the emulator, against the reference:
// rows for a warp, a block and several blocks; ties, NaN, places that repeat.
#include <doctest/doctest.h>

#include "tests/codegen/model_check.h"

namespace lathe {
namespace {

const std::vector<ModelCase>& sequential_cases() {
  static const std::vector<ModelCase> all = {
      {.name = "running sums of rows in chunks",
       .yaml = R"(
inputs: {x: "float32[2, T]"}
body:
  - a = cumsum(x)
  - b = cumsum(x, exclusive=true, reverse=true)
outputs: {a: a, b: b}
)",
       .sizes = sizes_of("T", {0, 1, 31, 1023, 1025, 4096, 9000}),
       .strategies = "scan",
       .terms = 9000},
      {.name = "running sums along another axis, of integers",
       .yaml = R"(
inputs: {x: "int32[2, 70, 3]", y: "bfloat16[B, 40]"}
body:
  - a = cumsum(x, axis=1, reverse=true)
  - b = cumsum(cast(y, float64), exclusive=true)
outputs: {a: a, b: b}
)",
       .sizes = sizes_of("B", {1, 3}),
       .strategies = "scan"},
      {.name = "orders of rows of any length, with ties and NaN",
       .yaml = R"(
inputs: {x: "float32[2, T]"}
body:
  - r = sqrt(round(x * 4))
  - a = argsort(r)
  - b = argsort(r, descending=true)
outputs: {a: a, b: b}
)",
       .sizes = sizes_of("T", {0, 1, 33, 2048, 2049, 5000}),
       .strategies = "sort"},
      {.name = "orders of short rows, along other axes",
       .yaml = R"(
inputs: {x: "float32[B, 24]", i: "int64[40, B]", d: "float64[3, 100]"}
body:
  - a = argsort(x)
  - b = argsort(i, axis=0)
  - c = argsort(d, descending=true)
outputs: {a: a, b: b, c: c}
)",
       .sizes = sizes_of("B", {1, 5}),
       .strategies = "sort"},
      {.name = "the largest and the smallest",
       .yaml = R"(
inputs: {x: "float32[2, T]", e: "bfloat16[B, 64]"}
body:
  - r = sqrt(round(x * 4))
  - a, b = top_k(r, 7)
  - c, d = top_k(r, 3, largest=false)
  - v, w = top_k(e, 8)
outputs: {a: a, b: b, c: c, d: d, v: v, w: w}
)",
       .sizes = {{{"T", 7}, {"B", 3}}, {{"T", 6000}, {"B", 1}}},
       .strategies = "sort"},
      {.name = "updates of few columns, in order",
       .yaml = R"(
inputs: {x: "float32[30]", u: "float32[N]", i: "int64[N]", y: "bfloat16[B, 9]"}
body:
  - k = i % 30
  - a = scatter(x, u, k)
  - b = scatter(x, u, k, mode='add')
  - c = scatter(y, 2, unsqueeze(range(0, B), -1) % 9, mode='mul')
outputs: {a: a, b: b, c: c}
)",
       .sizes = {{{"N", 0}, {"B", 1}}, {{"N", 200}, {"B", 2000}}},
       .strategies = "update",
       .terms = 200},
      {.name = "updates of many columns",
       .yaml = R"(
inputs: {x: "float32[6, 1030]", u: "float32[N, 1030]", i: "int64[N, 1]"}
body:
  - k = i % 6
  - a = scatter_nd(x, u, k)
  - b = scatter_nd(x, u, k, mode='add')
outputs: {a: a, b: b}
)",
       .sizes = sizes_of("N", {0, 1, 20}),
       .strategies = "update"},
  };
  return all;
}

}  // namespace

TEST_CASE("cuda scans, sorts and updates agree with the reference") {
  for (const uint64_t seed : {0, 1, 3}) {
    CAPTURE(seed);
    CHECK_EQ(failures_of(sequential_cases(), "sm_80", seed), "");
  }
}

}  // namespace lathe
