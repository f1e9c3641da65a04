#include <doctest/doctest.h>

#include "tests/support/elaborate_text.h"

namespace lathe {

TEST_CASE("bind: a stored tensor is converted to the declared float type") {
  CHECK_EQ(graph_of(R"yaml(
inputs: {x: "bfloat16[B, 4]"}
layers: {fc: {type: Linear, in_dim: 4, out_dim: 2}}
x-checkpoint: {fc.weight: "float32[2, 4]"}
)yaml"),
           R"text(%0 = weight fc.weight float32[2, 4]
%1 = cast(%0, dtype=bfloat16) bfloat16[2, 4]
%2 = input x bfloat16[B, 4]
%3 = transpose(%1) bfloat16[4, 2]
%4 = matmul(%2, %3) bfloat16[B, 2]  # y
output y = %4
)text");
}

TEST_CASE("bind: rules rename, transpose, stack, concatenate and split") {
  CHECK_EQ(graph_of(R"yaml(
inputs: {x: "float32[2, 3]"}
weights:
  a: float32[2, 3]
  b: float32[3, 2]
  c: float32[2, 2, 3]
  d: float32[4, 3]
  q: float32[1, 3]
  k: float32[2, 3]
body:
  - y = x + a + transpose(b) + sum(c, axis=0, keepdims=false) + d[:2] + q + k
checkpoint:
  load:
    - {rename: "old.*", to: "*"}
    - {transpose: b.stored, to: b}
    - {stack: "experts.{e}.w", to: c}
    - {concatenate: [d.low, d.high], to: d, axis: 0}
    - {split: qk, to: [q, k], axis: 0}
  ignore: ["*.step"]
x-checkpoint:
  old.a: float32[2, 3]
  b.stored: float32[2, 3]
  experts.0.w: float32[2, 3]
  experts.1.w: float32[2, 3]
  d.low: float32[1, 3]
  d.high: float32[3, 3]
  qk: float32[3, 3]
  optimizer.step: int64[1]
)yaml"),
           R"text(%0 = weight old.a float32[2, 3]
%1 = weight b.stored float32[2, 3]
%2 = transpose(%1) float32[3, 2]
%3 = weight experts.0.w float32[2, 3]
%4 = weight experts.1.w float32[2, 3]
%5 = stack(%3, %4) float32[2, 2, 3]
%6 = weight d.low float32[1, 3]
%7 = weight d.high float32[3, 3]
%8 = concat(%6, %7) float32[4, 3]
%9 = weight qk float32[3, 3]
%10 = slice(%9, axis=0, start=0, stop=1) float32[1, 3]
%11 = slice(%9, axis=0, start=1, stop=3) float32[2, 3]
%12 = input x float32[2, 3]
%13 = add(%12, %0) float32[2, 3]
%14 = transpose(%2) float32[2, 3]
%15 = add(%13, %14) float32[2, 3]
%16 = sum(%5, axis=0, keepdims=false) float32[2, 3]
%17 = add(%15, %16) float32[2, 3]
%18 = slice(%8, axis=0, stop=2) float32[2, 3]
%19 = add(%17, %18) float32[2, 3]
%20 = add(%19, %10) float32[2, 3]
%21 = add(%20, %11) float32[2, 3]  # y
output y = %21
)text");
}

TEST_CASE("bind: tied weights are one tensor") {
  CHECK_EQ(graph_of(R"yaml(
inputs: {ids: "int64[B]"}
layers:
  tok: {type: Embedding, vocab_size: 10, hidden_dim: 4}
  head: {type: Linear, in_dim: 4, out_dim: 10}
body:
  - y = head(tok(ids))
checkpoint:
  tie: {head.weight: tok.weight}
x-checkpoint: {tok.weight: "float32[10, 4]"}
)yaml"),
           R"text(%0 = weight tok.weight float32[10, 4]
%1 = input ids int64[B]
%2 = gather(%0, %1) float32[B, 4]  # y
%3 = transpose(%0) float32[4, 10]
%4 = matmul(%2, %3) float32[B, 10]  # y
output y = %4
)text");
}

TEST_CASE("bind: stored blocks are decoded in the graph, and shared") {
  CHECK_EQ(graph_of(R"yaml(
inputs: {ids: "int64[B]"}
layers:
  tok: {type: Embedding, vocab_size: 6, hidden_dim: 256}
  head: {type: Linear, in_dim: 256, out_dim: 6}
body:
  - y = head(tok(ids))
checkpoint:
  tie: {head.weight: tok.weight}
x-checkpoint: {tok.weight: "q6_k[6, 256]"}
)yaml"),
           R"text(%0 = weight tok.weight uint8[6, 210]
%1 = decode_q6_k(%0) float32[6, 256]
%2 = input ids int64[B]
%3 = gather(%1, %2) float32[B, 256]  # y
%4 = transpose(%1) float32[256, 6]
%5 = matmul(%3, %4) float32[B, 6]  # y
output y = %5
)text");
}

TEST_CASE("bind: rules join blocks of several types by rows") {
  CHECK_EQ(graph_of(R"yaml(
inputs: {x: "bfloat16[B, 32]"}
weights: {qkv: "bfloat16[6, 32]"}
body:
  - y = x @ transpose(qkv)
checkpoint:
  load: [{concatenate: [q, k], to: qkv}]
x-checkpoint: {q: "q4_0[4, 32]", k: "q8_0[2, 32]"}
)yaml"),
           R"text(%0 = weight q uint8[4, 18]
%1 = decode_q4_0(%0) float32[4, 32]
%2 = weight k uint8[2, 34]
%3 = decode_q8_0(%2) float32[2, 32]
%4 = concat(%1, %3) float32[6, 32]
%5 = cast(%4, dtype=bfloat16) bfloat16[6, 32]
%6 = input x bfloat16[B, 32]
%7 = transpose(%5) bfloat16[32, 6]
%8 = matmul(%6, %7) bfloat16[B, 6]  # y
output y = %8
)text");
}

TEST_CASE("bind: a weight declared in an encoding has it without a file") {
  CHECK_EQ(graph_of(R"yaml(
inputs: {x: "bfloat16[B, 256]"}
layers: {fc: {type: Linear, in_dim: 256, out_dim: 2, quantization_encoding: Q4_K}}
)yaml"),
           R"text(%0 = weight fc.weight uint8[2, 144]
%1 = decode_q4_k(%0) float32[2, 256]
%2 = input x bfloat16[B, 256]
%3 = cast(%2, dtype=float32) float32[B, 256]
%4 = transpose(%1) float32[256, 2]
%5 = matmul(%3, %4) float32[B, 2]
%6 = cast(%5, dtype=bfloat16) bfloat16[B, 2]  # y
output y = %6
)text");
}

}  // namespace lathe
