// How many kernels a run launches: those of its steps that have items.
#include <doctest/doctest.h>

#include <string>

#include "codegen/compile.h"
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

// "row matmul ...": the strategies of the kernels that run with `tokens`.
std::string launches(const std::string& yaml, int64_t tokens) {
  const Program program =
      compile(graph_from(yaml), target_preset("sm_90a"));
  std::string text;
  for (const Step& step : program.steps) {
    if (step.items.eval({{"T", tokens}}) == 0) continue;
    const std::string& name = program.kernels[size_t(step.kernel)].name;
    text += (text.empty() ? "" : " ") + name.substr(0, name.find('_'));
  }
  return text;
}

}  // namespace

TEST_CASE("cuda plan: one token takes eight kernels a layer") {
  CHECK_EQ(launches(kLayer, 1),
           "row matmul row attention matmul row matmul matmul");
}

TEST_CASE("cuda plan: keys are split where queries make too few blocks") {
  const std::string attend = R"(
inputs: {q: "bfloat16[2, 8, 64]", k: "bfloat16[2, T, 64]", v: "bfloat16[2, T, 64]"}
body:
  - y = softmax(cast(q @ transpose(k), float32)) @ v
outputs: {y: y}
)";
  CHECK_EQ(launches(attend, 200), "attention");
  CHECK_EQ(launches(attend, 2000), "attention attention");
}

}  // namespace lathe
