#include "tests/cuda/model_cases.h"

namespace lathe {
namespace {

DimBindings tokens(int64_t queries, int64_t keys) {
  return {{"B", 1}, {"T", queries}, {"S", keys}};
}

}  // namespace

// Rows for a thread, a warp and a block; packs whole and with a rest; values
// kept between phases in memory, in shared arrays, and computed again.
const std::vector<ModelCase>& gpu_model_cases() {
  static const std::vector<ModelCase> cases = {
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
      // Packs of 8, of which an operand lies 8 elements before, inside; one 3
      // elements before; and one that 16 rows of a table repeat.
      {.name = "packs of rows",
       .yaml = R"(
inputs: {x: "bfloat16[B, 2304]", r: "bfloat16[B, 2296]", q: "bfloat16[B, 2301]", t: "bfloat16[B, 144]"}
weights: {w: "bfloat16[2304]"}
body:
  - h = cast(x, float32) + cast(pad(r, [0, 0, 8, 0]), float32)
  - h = h + cast(pad(q, [0, 0, 3, 0]), float32)
  - h = h * reshape(broadcast_to(reshape(cast(t, float32), [B, 1, 144]), [B, 16, 144]), [B, 2304])
  - y = rms_norm(h, cast(w, float32))
  - m = max(abs(y), axis=-1, keepdims=true)
  - c = cast(y / m, float8_e4m3fn)
  - a = argmax(h)
outputs: {m: m, c: c, a: a}
)",
       .sizes = sizes_of("B", {1, 3}),
       .strategies = "row",
       .terms = 2304},
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
      {.name = "gated products",
       .yaml = R"(
inputs: {x: "bfloat16[B, 72]", r: "bfloat16[B, 40]"}
weights: {w: "bfloat16[40, 72]", u: "bfloat16[40, 72]"}
body:
  - f = cast(x, float32)
  - g = silu(f @ transpose(cast(w, float32)))
  - y = g * (f @ transpose(cast(u, float32))) + cast(r, float32)
outputs: {y: y}
)",
       .sizes = sizes_of("B", {0, 1, 5, 8, 9, 70}),
       .strategies = "matmul",
       .terms = 72},
      // Rows are longer than a step and no whole number of tiles; float8 is
      // exact in bfloat16, and one side lies across.
      {.name = "products on tensor cores",
       .yaml = R"(
inputs: {x: "bfloat16[B, 72]", h: "float16[B, 40]"}
weights: {w: "float8_e4m3fn[24, 72]", u: "bfloat16[72, 70]", v: "float16[9, 40]"}
body:
  - f = cast(x, float32)
  - y = f @ transpose(cast(w, float32))
  - z = gelu(f @ cast(u, float32)) + 1
  - t = cast(h, float32) @ transpose(cast(v, float32))
outputs: {y: y, z: z, t: t}
)",
       .sizes = sizes_of("B", {3, 9, 64, 70}),
       .strategies = "matmul",
       .terms = 72},
      {.name = "products of one input",
       .yaml = R"(
inputs: {x: "float32[B, 2, 20]"}
weights: {q: "float32[70, 20]", k: "float16[10, 20]", v: "float32[20, 10]"}
body:
  - a = x @ transpose(q)
  - b = x @ transpose(cast(k, float32))
  - c = x @ v * 0.5
outputs: {a: a, b: b, c: c}
)",
       .sizes = sizes_of("B", {1, 4, 5, 40}),
       .strategies = "matmul"},
      {.name = "batched products",
       .yaml = R"(
inputs: {x: "float32[B, 3, 9]", y: "float32[B, 9, T]"}
body:
  - z = x @ y
  - w = transpose(y) @ transpose(x)
outputs: {z: z, w: w}
)",
       .sizes = {{{"B", 2}, {"T", 70}}, {{"B", 1}, {"T", 3}}},
       .strategies = "matmul"},
      // Few and many queries; keys in one part and, from 512 on, in several; tiles
    // whole and with a rest.
    {.name = "float32, odd widths",
     .yaml = R"(
inputs: {q: "float32[B, T, 7]", k: "float32[B, S, 7]", v: "float32[B, S, 5]"}
body:
  - y = softmax(q @ transpose(k) * 0.2) @ v
outputs: {y: y}
)",
     .sizes = {tokens(0, 3), tokens(3, 0), tokens(1, 1), tokens(16, 65),
               tokens(17, 64), tokens(70, 33), tokens(3, 600), tokens(20, 600)},
     .strategies = "attention",
     .terms = 600},
    {.name = "bfloat16, heads that share keys, causal",
     .yaml = R"(
inputs:
  q: "bfloat16[B, T, 6, 16]"
  k: "bfloat16[B, S, 2, 16]"
  v: "bfloat16[B, S, 2, 24]"
layers: {attend: {type: ScaledDotProductAttention, causal: true}}
body:
  - y = attend(q, k, v)
outputs: {y: y}
)",
     .sizes = {tokens(1, 130), tokens(5, 5), tokens(40, 40), tokens(2, 700)},
     .strategies = "attention",
     .terms = 700},
    // Weights keep the precision of a float32 result.
    {.name = "float16, window, soft cap, mask and bias",
     .yaml = R"(
inputs:
  q: "float16[B, T, 24]"
  k: "float16[B, S, 24]"
  v: "float16[B, S, 40]"
  m: "bool[T, S]"
  bias: "float32[B, T, S]"
body:
  - d = unsqueeze(range(0, T), -1) + (S - T) - range(0, S)
  - f = cast(q, float32) @ transpose(cast(k, float32)) * 0.3
  - s = where(m, 4 * tanh(f / 4) + bias, -3.0e38)
  - w = where(d >= 0 and d < 70, s, -3.0e38)
  - y = softmax(w) @ cast(v, float32) * 2 + 1
outputs: {y: y}
)",
     .sizes = {tokens(1, 1), tokens(7, 300), tokens(100, 300), tokens(12, 520)},
     .strategies = "attention",
     .terms = 600},
    {.name = "scans and sorts",
       .yaml = R"(
inputs: {x: "float32[B, 24]", i: "int64[B]"}
weights: {w: "float32[10, 24]"}
body:
  - c = cumsum(x)
  - s = argsort(x)
  - g = gather(w, i, axis=0)
outputs: {c: c, s: s, g: g}
)",
       .sizes = sizes_of("B", {1, 17})},
  };
  return cases;
}

}  // namespace lathe
