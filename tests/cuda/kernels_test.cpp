// CUDA kernels in the emulator against the reference.
#include <doctest/doctest.h>

#include "tests/codegen/model_check.h"
#include "tests/codegen/op_check.h"

namespace lathe {
namespace {

// Rows for a thread, a warp and a block; packs whole and with a rest; values
// kept between phases in memory, in shared arrays, and computed again.
const std::vector<ModelCase> kModels = {
    {.name = "elementwise",
     .yaml = R"(
inputs: {x: "bfloat16[B, 33]", y: "float32[B, 33]", s: "float32[33]"}
body:
  - z = gelu(cast(x, float32)) * y + s
  - c = cast(z, bfloat16)
outputs: {z: z, c: c}
)",
     .sizes = sizes_of("B", {0, 1, 3, 40}),
     .strategies = "row"},
    {.name = "transposed",
     .yaml = R"(
inputs: {x: "float32[B, 5, 7]"}
body:
  - y = transpose(x) * 2
outputs: {y: y}
)",
     .sizes = sizes_of("B", {1, 9}),
     .strategies = "row"},
    {.name = "norm and softmax",
     .yaml = R"(
inputs: {x: "bfloat16[B, n]", r: "bfloat16[B, n]"}
weights: {w: "bfloat16[n]"}
params: {n: 96}
body:
  - h = x + r
  - y = rms_norm(h, w)
  - p = softmax(cast(x, float32))
outputs: {h: h, y: y, p: p}
)",
     .sizes = sizes_of("B", {0, 1, 5}),
     .strategies = "row"},
    {.name = "long rows",
     .yaml = R"(
inputs: {x: "float32[B, 2500]"}
body:
  - y = softmax(x)
  - a = argmax(x)
  - m = mean(x * x)
outputs: {y: y, a: a, m: m}
)",
     .sizes = sizes_of("B", {1, 4}),
     .strategies = "row",
     .terms = 2500},
    {.name = "rows of unknown length",
     .yaml = R"(
inputs: {x: "float32[3, T]"}
body:
  - y = softmax(x)
outputs: {y: y}
)",
     .sizes = sizes_of("T", {1, 31, 300}),
     .strategies = "row",
     .terms = 300},
    {.name = "products and scans",
     .yaml = R"(
inputs: {x: "float32[B, 24]", i: "int64[B]"}
weights: {w: "float32[10, 24]"}
body:
  - y = x @ transpose(w)
  - c = cumsum(x)
  - s = argsort(x)
  - g = gather(w, i, axis=0)
outputs: {y: y, c: c, s: s, g: g}
)",
     .sizes = sizes_of("B", {1, 17})},
};

}  // namespace

TEST_CASE("cuda kernels: models agree with the reference under seeds") {
  for (const uint64_t seed : {0, 1, 2, 3, 4}) {
    CAPTURE(seed);
    CHECK_EQ(failures_of(kModels, "sm_80", seed), "");
  }
}

TEST_CASE("cuda kernels: every sample of every op agrees") {
  CHECK_EQ(failures_of_ops("sm_90a", 2), "");
}

}  // namespace lathe
