// How many kernels a run launches: those of its steps that have items.
#include <doctest/doctest.h>

#include <string>

#include "codegen/compile.h"
#include "runtime/kernel_sources.h"
#include "spec/text.h"
#include "tests/cuda/launches.h"
#include "tests/support/codegen_text.h"

namespace lathe {
namespace {

// One pre-norm layer in bfloat16, grouped queries, rotary positions.
const char kLayer[] = R"(
inputs: {x: "bfloat16[1, T, 256]"}
layers:
  rope: {type: RotaryEmbedding, interleaved: false}
  block:
    type: TransformerBlock
    attention_norm: {type: RMSNorm, dim: 256}
    attention: {type: AttentionWithRope, rope: rope, num_attention_heads: 4,
                num_key_value_heads: 2, hidden_size: 256}
    mlp_norm: {type: RMSNorm, dim: 256}
    mlp: {type: MLP, hidden_dim: 256, feed_forward_length: 512}
body:
  - y = block(x)
outputs: {y: y}
)";

}  // namespace

// Few tokens: products norm their rows themselves.
TEST_CASE("cuda plan: one token takes six kernels a layer") {
  for (const int64_t tokens : {1, 8}) {
    CHECK_EQ(launches(kLayer, tokens),
             "matmul row attention matmul matmul matmul");
  }
  CHECK_EQ(launches(kLayer, 9),
           "row matmul row attention matmul row matmul matmul");
}

TEST_CASE("cuda plan: a product of few rows norms and rounds them itself") {
  const std::string rounds = R"(
inputs: {x: "bfloat16[T, 128]"}
values:
  f8: {type: Float8Config, weight_scale: {granularity: rowwise}, input_scale: {granularity: token}}
layers:
  norm: {type: LayerNorm, dims: 128}
  fc: {type: Linear, in_dim: 128, out_dim: 40, float8_config: f8}
body:
  - y = fc(norm(x))
outputs: {y: y}
)";
  CHECK_EQ(launches(rounds, 1), "matmul");
  CHECK_EQ(launches(rounds, 9), "row matmul");
}

// What a row group reads of others is made in the product as well.
TEST_CASE("cuda plan: a chain of row groups is one kernel with its product") {
  const std::string rounds = R"(
inputs: {x: "bfloat16[2, T, 128]"}
values:
  f8: {type: Float8Config, weight_scale: {granularity: tensor}, input_scale: {granularity: tensor}}
layers:
  fc: {type: Linear, in_dim: 128, out_dim: 40, float8_config: f8}
body:
  - y = fc(x)
)";
  CHECK_EQ(launches(rounds, 0), "");
  CHECK_EQ(launches(rounds, 4), "matmul");
  CHECK_EQ(launches(rounds, 5), "row row row matmul");
}

// Others read the rows, too: they are made once.
TEST_CASE("cuda plan: rows that are a result are a kernel of their own") {
  const std::string kept = R"(
inputs: {x: "bfloat16[T, 128]"}
weights: {n: "bfloat16[128]", w: "bfloat16[128, 128]"}
body:
  - a = rms_norm(x, n)
  - y = a @ w
outputs: {a: a, y: y}
)";
  CHECK_EQ(launches(kept, 1), "row matmul");
}

TEST_CASE("cuda plan: keys are split where queries make too few blocks") {
  const std::string attend = R"(
inputs: {q: "bfloat16[2, 8, 64]", k: "bfloat16[2, T, 64]", v: "bfloat16[2, T, 64]"}
body:
  - y = softmax(cast(q @ transpose(k), float32)) @ v
outputs: {y: y}
)";
  CHECK_EQ(launches(attend, 200), "attention");
  // The last block to end joins the parts of few queries.
  CHECK_EQ(launches(attend, 2000), "attention");
}

// A norm that is part of its product where rows are few.
TEST_CASE("cuda plan: kernels that the first run has no use for may rest") {
  const Program program = compile(graph_from(R"(
inputs: {x: "bfloat16[B, 256]"}
weights: {n: "bfloat16[256]", w: "bfloat16[64, 256]"}
body:
  - y = rms_norm(x, n) @ transpose(w)
)"),
                                  target_preset("sm_90a"));
  auto wanted = [&](const DimBindings& sizes) {
    std::string text;
    for (const KernelSource& source : kernel_sources(program, sizes)) {
      if (source.may_rest) continue;
      text += cat({text.empty() ? "" : " ", source.launch.threads});
    }
    return text;
  };
  CHECK_EQ(wanted({}), "");
  CHECK_EQ(wanted({{"B", 1}}), "256");
  CHECK_EQ(wanted({{"B", 9}}), "128 256");
  CHECK_EQ(wanted({{"B", 300}}), "128 384");
}

// What is fetched has coordinates of 32 bits.
TEST_CASE("cuda plan: a view has as many lines as the copy unit counts") {
  TensorView view;
  view.dtype = DType::kBFloat16;
  view.depth = view.stride = Dim(8);
  view.lines = Dim::symbol("n0");
  const auto lines = [&](int64_t n) {
    return bind_view(view, std::vector<int64_t>{n}).lines;
  };
  CHECK_EQ(lines(INT32_MAX), INT32_MAX);
  CHECK_THROWS_AS(lines(int64_t{INT32_MAX} + 1), InternalError);
}

}  // namespace lathe
