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
      {.name = "no head dim",
       .yaml = R"(
inputs: {q: "bfloat16[B, T, 0]", k: "bfloat16[B, S, 0]", v: "bfloat16[B, S, 24]"}
body:
  - y = softmax(cast(q, float32) @ transpose(cast(k, float32))) @ cast(v, float32)
)",
       .sizes = {{{"B", 1}, {"T", 3}, {"S", 4}}, {{"B", 1}, {"T", 30}, {"S", 0}}}},
      {.name = "no columns",
       .yaml = R"(
inputs: {q: "bfloat16[B, T, 8]", k: "bfloat16[B, S, 8]", v: "bfloat16[B, S, 0]"}
body:
  - y = softmax(cast(q, float32) @ transpose(cast(k, float32))) @ cast(v, float32)
)",
       .sizes = {{{"B", 1}, {"T", 3}, {"S", 4}}}},
      {.name = "products of nothing",
       .yaml = R"(
inputs: {x: "bfloat16[B, 0]", z: "bfloat16[B, 16]"}
weights: {w: "bfloat16[8, 0]", v: "bfloat16[0, 16]"}
body:
  - y = x @ transpose(w)
  - a = z @ transpose(v)
outputs: {y: y, a: a}
)",
       .sizes = sizes_of("B", {0, 3, 200})},
      {.name = "scans, sorts and updates of nothing",
       .yaml = R"(
inputs: {x: "float32[B, T]", i: "int64[N]", u: "float32[N]"}
body:
  - a = cumsum(x)
  - b = argsort(x)
  - c = cumsum(x, axis=0)
  - d = argsort(x, axis=0)
  - z = zeros([5], float32)
  - e = scatter(z, u, i, mode='add')
outputs: {a: a, b: b, c: c, d: d, e: e}
)",
       .sizes = {{{"B", 0}, {"T", 5}, {"N", 0}}, {{"B", 5}, {"T", 0}, {"N", 3}}, {{"B", 1}, {"T", 1}, {"N", 1}}}},
      {.name = "windows of keys with parts",
       .yaml = R"(
inputs: {q: "float32[B, T, 8]", k: "float32[B, S, 8]", v: "float32[B, S, 4]"}
body:
  - d = unsqueeze(range(0, T), -1) + (S - T) - range(0, S)
  - y = softmax(where(d >= 0 and d < 70, q @ transpose(k), -3.0e38)) @ v
  - z = softmax(where(d >= 0 and d < 70, q @ transpose(k), -inf)) @ v
  - a = softmax(where(d > 600 and d < 700, q @ transpose(k), -3.0e38)) @ v
outputs: {y: y, z: z, a: a}
)",
       .sizes = {{{"B", 1}, {"T", 3}, {"S", 1300}}, {{"B", 1}, {"T", 20}, {"S", 1300}}, {{"B", 2}, {"T", 9}, {"S", 520}}, {{"B", 1}, {"T", 40}, {"S", 30}}},
       .terms = 1300},
      {.name = "attention of no queries, keys, batches",
       .yaml = R"(
inputs: {q: "bfloat16[B, T, 16]", k: "bfloat16[B, S, 16]", v: "bfloat16[B, S, 24]"}
body:
  - y = softmax(cast(q, float32) @ transpose(cast(k, float32))) @ cast(v, float32)
)",
       .sizes = {{{"B", 0}, {"T", 3}, {"S", 4}}, {{"B", 1}, {"T", 0}, {"S", 4}},
                 {{"B", 2}, {"T", 3}, {"S", 0}}, {{"B", 2}, {"T", 30}, {"S", 0}}, {{"B", 1}, {"T", 1}, {"S", 1}}},
       .strategies = "attention"},
      {.name = "attention from cut tensors",
       .yaml = R"(
inputs: {x: "bfloat16[B, T, 3, 2, 24]"}
body:
  - q = transpose(x[:, :, 0, :, 4:20], 1, 2)
  - k = transpose(x[:, :, 1, :, 8:], 1, 2)
  - v = transpose(x[:, :, 2, :, 3:13], 1, 2)
  - y = softmax(cast(q, float32) @ transpose(cast(k, float32))) @ cast(v, float32)
)",
       .sizes = {{{"B", 2}, {"T", 5}}, {{"B", 1}, {"T", 70}}},
       .strategies = "attention",
       .terms = 70},
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
