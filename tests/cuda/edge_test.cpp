// Sizes and forms at the edge of what GPU kernels are written for, in the
// emulator against the reference.
#include <doctest/doctest.h>

#include "tests/codegen/model_check.h"

namespace lathe {
namespace {

const std::vector<ModelCase>& edge_cases() {
  static const std::vector<ModelCase> all = {
      {.name = "split sections of one and of two products",
       .yaml = R"(
inputs: {x: "bfloat16[B, 2048]"}
weights: {g: "bfloat16[40, 2048]", u: "bfloat16[40, 2048]", w: "bfloat16[40, 2048]"}
body:
  - f = cast(x, float32)
  - y = (f @ transpose(cast(g, float32))) * (f @ transpose(cast(u, float32)))
  - z = f @ transpose(cast(w, float32))
outputs: {y: y, z: z}
)",
       .sizes = sizes_of("B", {9, 12}),
       .strategies = "matmul",
       .terms = 2048},
      {.name = "norm of concat times weights",
       .yaml = R"(
inputs: {x: "bfloat16[B, 8]", z: "bfloat16[B, 24]"}
weights: {n: "bfloat16[32]", w: "bfloat16[20, 32]"}
body:
  - y = rms_norm(concat([x, z], axis=1), n) @ transpose(w)
)",
       .sizes = sizes_of("B", {1, 4, 9, 140}),
       .strategies = "matmul"},
      {.name = "float32: norm of concat times weights",
       .yaml = R"(
inputs: {x: "float32[B, 8]", z: "float32[B, 24]"}
weights: {n: "float32[32]", w: "float32[20, 32]"}
body:
  - y = rms_norm(concat([x, z], axis=1), n) @ transpose(w)
)",
       .sizes = sizes_of("B", {1, 4, 9, 140})},
      {.name = "codes: norm of concat times weights",
       .yaml = R"(
inputs: {x: "bfloat16[B, 32]", z: "bfloat16[B, 96]"}
weights: {n: "bfloat16[128]", w: "uint8[40, 80]"}
body:
  - y = cast(rms_norm(concat([x, z], axis=1), n), float32) @ transpose(decode_q4_1(w & 191))
)",
       .sizes = sizes_of("B", {1, 4, 9, 140})},
      {.name = "norm of padded times weights",
       .yaml = R"(
inputs: {x: "bfloat16[B, 24]"}
weights: {n: "bfloat16[32]", w: "bfloat16[20, 32]"}
body:
  - y = rms_norm(pad(x, [0, 0, 8, 0]), n) @ transpose(w)
)",
       .sizes = sizes_of("B", {1, 4, 9, 140}),
       .strategies = "matmul"},
      {.name = "concat of bfloat16 times weights",
       .yaml = R"(
inputs: {x: "bfloat16[B, 8]", z: "bfloat16[B, 24]"}
weights: {w: "bfloat16[20, 32]"}
body:
  - y = concat([x, z], axis=1) @ transpose(w)
)",
       .sizes = sizes_of("B", {1, 4, 9, 140}),
       .strategies = "matmul"},
      {.name = "upside down times weights",
       .yaml = R"(
inputs: {x: "bfloat16[200, 64]"}
weights: {w: "bfloat16[40, 64]"}
body:
  - y = flip(x, axis=0) @ transpose(w)
)",
       .sizes = {{}},
       .strategies = "matmul"},
      {.name = "weights upside down",
       .yaml = R"(
inputs: {x: "bfloat16[B, 64]"}
weights: {w: "bfloat16[40, 64]"}
body:
  - y = x @ transpose(flip(w, axis=0))
)",
       .sizes = sizes_of("B", {200}),
       .strategies = "matmul"},
      {.name = "from the second column on",
       .yaml = R"(
inputs: {x: "bfloat16[B, 72]"}
weights: {w: "bfloat16[40, 64]", v: "bfloat16[40, 64]"}
body:
  - y = x[:, 8:] @ transpose(w)
  - z = x[:, 4:68] @ transpose(v)
outputs: {y: y, z: z}
)",
       .sizes = sizes_of("B", {1, 9, 200}),
       .strategies = "matmul"},
      {.name = "two products of one left side, one of no columns",
       .yaml = R"(
inputs: {x: "bfloat16[B, 64]", a: "bfloat16[M, 64]", b: "bfloat16[40, 64]"}
body:
  - y = x @ transpose(a)
  - z = x @ transpose(b)
outputs: {y: y, z: z}
)",
       .sizes = {{{"B", 200}, {"M", 0}}, {{"B", 200}, {"M", 3}}, {{"B", 5}, {"M", 0}}, {{"B", 20}, {"M", 0}}},
       .strategies = "matmul"},
      {.name = "no depth that is known only at run time",
       .yaml = R"(
inputs: {x: "bfloat16[B, K]", w: "bfloat16[40, K]"}
body:
  - y = x @ transpose(w)
)",
       .sizes = {{{"B", 200}, {"K", 0}}, {{"B", 3}, {"K", 0}}, {{"B", 30}, {"K", 8}}},
       .strategies = "matmul"},
      {.name = "a part of the depth that is known at run time",
       .yaml = R"(
inputs: {x: "bfloat16[B, 72]", w: "bfloat16[40, 72]", r: "bfloat16[J]"}
body:
  - y = x[:, :J] @ transpose(w[:, :J])
)",
       .sizes = {{{"B", 200}, {"J", 0}}, {{"B", 200}, {"J", 72}}, {{"B", 3}, {"J", 9}}}},
  };
  return all;
}

}  // namespace

TEST_CASE("cuda edges: few rows, many, none") {
  for (const uint64_t seed : {0, 1, 2}) {
    CHECK_EQ(failures_of(edge_cases(), "sm_90a", seed), "");
  }
}

}  // namespace lathe
