#include <doctest/doctest.h>

#include "tests/support/elaborate_text.h"

namespace lathe {

TEST_CASE("elaborate: without a body the layers run in order") {
  CHECK_EQ(graph_of(R"yaml(
inputs: {x: "float32[B, 4]"}
layers:
  a: {type: Linear, in_dim: 4, out_dim: 8}
  b: {type: Linear, in_dim: 8, out_dim: 2, has_bias: true}
)yaml"),
           R"text(%0 = weight a.weight float32[8, 4]
%1 = weight b.weight float32[2, 8]
%2 = weight b.bias float32[2]
%3 = input x float32[B, 4]
%4 = transpose(%0) float32[4, 8]
%5 = matmul(%3, %4) float32[B, 8]  # y
%6 = transpose(%1) float32[8, 2]
%7 = matmul(%5, %6) float32[B, 2]  # y
%8 = add(%7, %2) float32[B, 2]  # y
output y = %8
)text");
}

TEST_CASE("elaborate: a size that is left out follows from the input") {
  CHECK_EQ(graph_of(R"yaml(
inputs: {x: "float32[B, 4]"}
layers:
  fc: {type: Linear, out_dim: 8}
)yaml"),
           R"text(%0 = input x float32[B, 4]
%1 = weight fc.weight float32[8, 4]
%2 = transpose(%1) float32[4, 8]
%3 = matmul(%0, %2) float32[B, 8]  # y
output y = %3
)text");
}

TEST_CASE("elaborate: operators and slices are ops") {
  CHECK_EQ(graph_of(R"yaml(
inputs: {x: "float32[B, T, 8]"}
body:
  - half = x.shape[-1] // 2
  - y = -x[..., :half] * 2 + x[:, 0, None, half:] ** 0.5
)yaml"),
           R"text(%0 = input x float32[B, T, 8]
%1 = slice(%0, axis=2, stop=4) float32[B, T, 4]
%2 = neg(%1) float32[B, T, 4]
%3 = mul(%2, y=2) float32[B, T, 4]
%4 = select(%0, axis=1, index=0) float32[B, 8]
%5 = unsqueeze(%4, axis=1) float32[B, 1, 8]
%6 = slice(%5, axis=2, start=4) float32[B, 1, 4]
%7 = pow(%6, y=0.5) float32[B, 1, 4]
%8 = add(%3, %7) float32[B, T, 4]  # y
output y = %8
require max(1, T) == T
)text");
}

TEST_CASE("elaborate: for and if are decided while building") {
  CHECK_EQ(graph_of(R"yaml(
params: {deep: true, n: 2}
inputs: {x: "float32[B]"}
body:
  - {for: i, in: range(n), body: [x = x + i]}
  - if: deep and n > 1
    then: [y = exp(x)]
    else: [y = x]
)yaml"),
           R"text(%0 = input x float32[B]
%1 = add(%0, y=0) float32[B]  # x
%2 = add(%1, y=1) float32[B]  # x
%3 = exp(%2) float32[B]  # y
output y = %3
)text");
}

TEST_CASE("elaborate: several results are unpacked") {
  CHECK_EQ(graph_of(R"yaml(
inputs: {x: "float32[B, 6]"}
body:
  - q, k, v = chunk(x, 3, axis=-1)
  - values, indices = top_k(q, 1)
outputs: {best: values, where_: indices, v: v}
)yaml"),
           R"text(%0 = input x float32[B, 6]
%1, %2, %3 = chunk(%0, chunks=3, axis=-1) float32[B, 2], float32[B, 2], float32[B, 2]  # q
%4, %5 = top_k(%1, k=1) float32[B, 1], int64[B, 1]  # values
output best = %4
output where_ = %5
output v = %3
)text");
}

TEST_CASE("elaborate: numbers are computed, dims are weak beside a tensor") {
  CHECK_EQ(graph_of(R"yaml(
params: {dim: 16}
inputs: {x: "float32[B, T]"}
body:
  - scale = -log(10000.0) / dim + sqrt(dim)
  - y = sum(x * scale, axis=-1, keepdims=false) / T
)yaml"),
           R"text(%0 = input x float32[B, T]
%1 = mul(%0, y=3.4243537267514883) float32[B, T]
%2 = sum(%1, keepdims=false) float32[B]
%3 = div(%2, y=T) float32[B]  # y
output y = %3
)text");
}

TEST_CASE("elaborate: a list of layers is called as a chain or one by one") {
  CHECK_EQ(graph_of(R"yaml(
inputs: {x: "float32[B, 4]"}
layers:
  fc: {type: Linear, repeat: 3, index: i, in_dim: 4, out_dim: 4, has_bias: i == 1}
body:
  - h = fc[-1](x)
  - y = fc(h)
)yaml"),
           R"text(%0 = weight fc.0.weight float32[4, 4]
%1 = weight fc.1.weight float32[4, 4]
%2 = weight fc.1.bias float32[4]
%3 = weight fc.2.weight float32[4, 4]
%4 = input x float32[B, 4]
%5 = transpose(%3) float32[4, 4]
%6 = matmul(%4, %5) float32[B, 4]  # y
%7 = transpose(%0) float32[4, 4]
%8 = matmul(%6, %7) float32[B, 4]  # y
%9 = transpose(%1) float32[4, 4]
%10 = matmul(%8, %9) float32[B, 4]  # y
%11 = add(%10, %2) float32[B, 4]  # y
%12 = transpose(%3) float32[4, 4]
%13 = matmul(%11, %12) float32[B, 4]  # y
output y = %13
)text");
}

TEST_CASE("elaborate: a chain of no layers gives its input") {
  CHECK_EQ(graph_of(R"yaml(
params: {depth: 0}
inputs: {x: "float32[B, 4]", mask: "float32[B]"}
layers:
  blocks: {type: MLP, repeat: depth, hidden_dim: 4, feed_forward_length: 8}
body:
  - y = blocks(x, mask) + blocks(x)
)yaml"),
           R"text(%0 = input x float32[B, 4]
%1 = input mask float32[B]
%2 = add(%0, %0) float32[B, 4]  # y
output y = %2
)text");
}

TEST_CASE("elaborate: a declared layer's weight is a value") {
  CHECK_EQ(graph_of(R"yaml(
inputs: {ids: "int64[B]"}
defaults: {dtype: bfloat16}
layers:
  tok: {type: Embedding, vocab_size: 10, hidden_dim: 4}
body:
  - h = tok(ids)
  - y = h @ transpose(tok.weight)
)yaml"),
           R"text(%0 = weight tok.weight bfloat16[10, 4]
%1 = input ids int64[B]
%2 = gather(%0, %1) bfloat16[B, 4]  # y
%3 = transpose(%0) bfloat16[4, 10]
%4 = matmul(%2, %3) bfloat16[B, 10]  # y
output y = %4
)text");
}

TEST_CASE("elaborate: a layer in a param is a type, a declared layer, or in place") {
  CHECK_EQ(graph_of(R"yaml(
inputs: {x: "float32[B, 4]"}
layers:
  fc: {type: Linear, in_dim: 4, out_dim: 4}
  shared: {type: Sequential, layers: [fc, fc]}
  own: {type: Sequential, layers: [{type: Linear, in_dim: 4, out_dim: 4}, Identity]}
body:
  - y = own(shared(x))
)yaml"),
           R"text(%0 = weight fc.weight float32[4, 4]
%1 = input x float32[B, 4]
%2 = transpose(%0) float32[4, 4]
%3 = matmul(%1, %2) float32[B, 4]  # y
%4 = transpose(%0) float32[4, 4]
%5 = matmul(%3, %4) float32[B, 4]  # y
%6 = weight own.0.weight float32[4, 4]
%7 = transpose(%6) float32[4, 4]
%8 = matmul(%5, %7) float32[B, 4]  # y
output y = %8
)text");
}

TEST_CASE("elaborate: layers and weights may be left out") {
  CHECK_EQ(graph_of(R"yaml(
params: {normed: false, clip: {type: "float?", default: none}}
inputs: {x: "float32[B, 4]"}
layers:
  norm: {type: RMSNorm, when: normed, dim: 4}
weights:
  scale: {type: "float32[4]", when: not normed, init: ones}
body:
  - {if: normed, then: [x = norm(x)]}
  - {if: clip != none, then: ["x = clamp(x, -clip, clip)"]}
  - y = x * scale
)yaml"),
           R"text(%0 = weight scale float32[4]
%1 = input x float32[B, 4]
%2 = mul(%1, %0) float32[B, 4]  # y
output y = %2
)text");
}

TEST_CASE("elaborate: equality that depends on a symbol waits for the binding") {
  CHECK_EQ(graph_of(R"yaml(
inputs: {x: "float32[B, C]"}
layers:
  norm: {type: RMSNorm, dim: 32}
)yaml"),
           R"text(%0 = weight norm.weight float32[32]
%1 = input x float32[B, C]
%2 = rms_norm(%1, %0, multiply_before_cast=true) float32[B, C]  # y
output y = %2
require 32 == C
)text");
}

TEST_CASE("elaborate: the command line wins over the preset, config and default") {
  CHECK_EQ(graph_of(R"yaml(
params:
  a: {type: int, default: 1, from: [size_a]}
  b: {type: int, default: 1, from: [size_b]}
  c: {type: int, default: 1, from: [no_such_key, sizes.c]}
  d: {type: int, default: a + b + c}
presets:
  small: {a: 20, b: 20}
x-preset: small
x-params: {a: 30}
x-config: {size_a: 10, size_b: 10, sizes: {c: 10}, torch_dtype: float16}
inputs: {x: "dtype[a, b, c, d]"}
body:
  - y = x
)yaml"),
           R"text(%0 = input x float16[30, 20, 10, 60]
output y = %0
)text");
}

TEST_CASE("elaborate: the command line sets one field of a param") {
  // Over the default, the preset and the config; where nothing is given the
  // fields make the struct. Later ones win.
  CHECK_EQ(graph_of(R"yaml(
params:
  a: {type: RopeScaling, default: {rope_type: linear, factor: 2.0}}
  b: {type: RopeScaling, default: {rope_type: linear, factor: 2.0}}
  c: {type: RopeScaling, default: {}, from: [rope_scaling]}
  d: {type: "RopeScaling?", default: none}
  e: {type: Float8Config}
  f: {type: map, default: {size: 2, inner: {size: 3}}}
presets:
  stretched: {b: {rope_type: linear, factor: 3.0}}
x-preset: stretched
x-config: {rope_scaling: {rope_type: yarn, factor: 4.0}}
x-params:
  a.factor: 5.0
  b.mscale: 6.0
  c.factor: 8.0
  d.factor: 2.0
  e.input_scale.granularity: block
  e.input_scale.block_size: "[1, 128]"
  e.weight_scale: "{granularity: tensor, dtype: float16}"
  e.weight_scale.granularity: rowwise
  f.inner.size: 9
  f.more: a.factor
assert:
  - that: a.rope_type == 'linear' and a.factor == 5
    message: a is ${a}
  - that: b.rope_type == 'linear' and b.factor == 3 and b.mscale == 6
    message: b is ${b}
  - that: c.rope_type == 'yarn' and c.factor == 8
    message: c is ${c}
  - that: d.rope_type == 'default' and d.factor == 2
    message: d is ${d}
  - that: e.input_scale.block_size == [1, 128]
    message: e is ${e}
  - that: e.weight_scale.granularity == 'rowwise' and e.weight_scale.dtype == float16
    message: e is ${e}
  - that: f.size == 2 and f.inner.size == 9 and f.more == 5
    message: f is ${f}
inputs: {x: "float32[B]"}
body:
  - y = x
)yaml"),
           R"text(%0 = input x float32[B]
output y = %0
)text");
}

TEST_CASE("elaborate: an input with a default may be left out") {
  CHECK_EQ(graph_of(R"yaml(
inputs:
  x: float32[B, T]
  mask: {type: "int64[B, T]", default: 1}
body:
  - y = x * cast(mask, float32)
)yaml"),
           R"text(%0 = input x float32[B, T]
%1 = input mask int64[B, T]
%2 = cast(%1, dtype=float32) float32[B, T]
%3 = mul(%0, %2) float32[B, T]  # y
output y = %3
)text");
}

TEST_CASE("elaborate: numbers over symbolic sizes wait for the binding") {
  CHECK_EQ(graph_of(R"yaml(
inputs: {x: "bfloat16[B, T, 8]"}
body:
  - scale = 1 / sqrt(T)
  - y = x * scale + -(T / 2) * 3.5 + max(B, 2) ** -1
)yaml"),
           R"text(%0 = input x bfloat16[B, T, 8]
%1 = mul(%0, y=1.0 / sqrt(cast(T, float64))) bfloat16[B, T, 8]
%2 = add(%1, y=neg(cast(T, float64) / 2.0) * 3.5) bfloat16[B, T, 8]
%3 = add(%2, y=1.0 / cast(max(2, B), float64)) bfloat16[B, T, 8]  # y
output y = %3
)text");
  // Sums, products and quotients of sizes are sizes still.
  CHECK_EQ(graph_of(R"yaml(
inputs: {x: "float32[T, 4]"}
body:
  - y = reshape(x, [T * 4 // 2, T ** 0 * 2])
)yaml"),
           R"text(%0 = input x float32[T, 4]
%1 = reshape(%0, shape=[2*T, 2]) float32[2*T, 2]  # y
output y = %1
)text");
}

TEST_CASE("elaborate: equal literal tensors are each there") {
  CHECK_EQ(graph_of(R"yaml(
inputs: {x: "float32[2]"}
body:
  - y = x * constant([1.0, 2.0]) + constant([1.0, 2.0])
)yaml"),
           R"text(%0 = input x float32[2]
%1 = constant constant float32[2]
%2 = constant(%1, value=[1, 2]) float32[2]
%3 = mul(%0, %2) float32[2]
%4 = constant constant float32[2]
%5 = constant(%4, value=[1, 2]) float32[2]
%6 = add(%3, %5) float32[2]  # y
output y = %6
)text");
}

}  // namespace lathe
