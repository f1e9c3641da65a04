// Row groups that the products of few rows make themselves, in the emulator
// against the reference; with more rows they are kernels of their own.
#include <doctest/doctest.h>

#include "tests/codegen/model_check.h"

namespace lathe {
namespace {

const std::vector<int64_t> kPrologueRows = {0, 1, 5, 8, 9};

const std::vector<ModelCase>& prologue_cases() {
  static const std::vector<ModelCase> all = {
      {.name = "norm, gate and up, what the norm reads beside them",
       .yaml = R"(
inputs: {x: "bfloat16[M, 96]", r: "bfloat16[M, 96]"}
weights: {n: "bfloat16[96]", g: "bfloat16[96, 96]", u: "bfloat16[96, 96]"}
body:
  - a = cast(rms_norm(x, n), float32)
  - b = silu(a @ transpose(cast(g, float32)))
  - y = b * (a @ transpose(cast(u, float32))) + cast(r, float32)
)",
       .sizes = sizes_of("M", kPrologueRows),
       .strategies = "matmul",
       .terms = 96},
      {.name = "two chained reductions, leading axes",
       .yaml = R"(
inputs: {x: "float32[2, M, 72]"}
weights: {n: "float32[72]", b: "float32[72]", w: "float32[20, 72]"}
body:
  - y = layer_norm(x, n, b) @ transpose(w)
)",
       .sizes = sizes_of("M", {0, 1, 4, 5}),
       .strategies = "matmul",
       .terms = 72},
      {.name = "norm and codes of float8 with a scale a row",
       .yaml = R"(
inputs: {x: "float32[M, 128]"}
values:
  f8: {type: Float8Config, weight_scale: {granularity: rowwise}, input_scale: {granularity: token}}
layers:
  norm: {type: RMSNorm, dim: 128}
  fc: {type: Linear, in_dim: 128, out_dim: 40, float8_config: f8}
body:
  - y = fc(norm(x))
)",
       .sizes = sizes_of("M", kPrologueRows),
       .strategies = "matmul",
       .terms = 128},
      {.name = "codes of float8 with a scale for each 64",
       .yaml = R"(
inputs: {x: "float32[M, 192]"}
values:
  f8: {type: Float8Config, weight_scale: {granularity: block, block_size: [16, 64]}, input_scale: {granularity: block, block_size: [1, 64]}}
layers:
  norm: {type: RMSNorm, dim: 192}
  fc: {type: Linear, in_dim: 192, out_dim: 40, float8_config: f8}
body:
  - y = fc(norm(x))
)",
       .sizes = sizes_of("M", kPrologueRows),
       .strategies = "matmul",
       .terms = 192},
      {.name = "codes of float8 with one scale",
       .yaml = R"(
inputs: {x: "float32[2, M, 128]"}
values:
  f8: {type: Float8Config, weight_scale: {granularity: tensor}, input_scale: {granularity: tensor}}
layers:
  norm: {type: RMSNorm, dim: 128}
  fc: {type: Linear, in_dim: 128, out_dim: 40, float8_config: f8}
body:
  - y = fc(norm(x))
)",
       .sizes = sizes_of("M", {0, 1, 4, 5}),
       .strategies = "matmul",
       .terms = 128},
      {.name = "codes of int8 with a scale for each 32",
       .yaml = R"(
inputs: {x: "float32[M, 160]"}
layers:
  fc: {type: Linear, in_dim: 160, out_dim: 40, quantization_encoding: Q4_0, input_encoding: Q8_0}
body:
  - y = fc(x)
)",
       .sizes = sizes_of("M", kPrologueRows),
       .strategies = "matmul",
       .terms = 160},
      {.name = "codes of heads that lie apart",
       .yaml = R"(
inputs: {x: "float32[M, 2, 64]"}
weights: {w: "float8_e4m3fn[40, 128]"}
body:
  - h = reshape(permute(x, [1, 0, 2]), [M, 128])
  - s = max(abs(h)) / 448
  - y = cast(cast(h / s, float8_e4m3fn), float32) @ transpose(cast(w, float32)) * s
)",
       .sizes = sizes_of("M", {1, 5, 8, 9}),
       .strategies = "matmul",
       .terms = 128},
      {.name = "norm and stored codes in few steps",
       .yaml = R"(
inputs: {x: "bfloat16[M, 96]"}
weights: {n: "bfloat16[96]", w: "uint8[24, 54]"}
body:
  - a = cast(rms_norm(x, n), float32)
  - y = a @ transpose(decode_q4_0(w & 191)) * 0.0002
)",
       .sizes = sizes_of("M", {1, 7, 9}),
       .strategies = "matmul",
       .terms = 96},
      {.name = "a long row, a number of rows that is known",
       .yaml = R"(
inputs: {x: "bfloat16[5, 2600]"}
weights: {n: "bfloat16[2600]", w: "bfloat16[33, 2600]"}
body:
  - y = rms_norm(x, n) @ transpose(w)
)",
       .sizes = {{}},
       .strategies = "matmul",
       .terms = 2600},
  };
  return all;
}

}  // namespace

TEST_CASE("cuda prologue: few rows and many agree with the reference") {
  for (const uint64_t seed : {0, 1, 2, 3}) {
    CAPTURE(seed);
    CHECK_EQ(failures_of(prologue_cases(), "sm_80", seed), "");
  }
}

TEST_CASE("cuda prologue: codes of float8 on a GPU that has them") {
  CHECK_EQ(failures_of(prologue_cases(), "sm_90a", 2), "");
}

}  // namespace lathe
