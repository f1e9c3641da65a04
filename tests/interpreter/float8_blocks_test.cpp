// Which blocks of a Transformer are in float8: mlp_in_float8 and
// attn_qkv_in_float8.
#include <doctest/doctest.h>

#include "spec/text.h"
#include "tests/support/elaborate_text.h"

namespace lathe {
namespace {

// The layers whose weight is in float8, one of each kind a block.
std::string float8_layers(const std::string& mlps,
                          const std::string& attention) {
  Diagnostics diagnostics;
  const Model model = elaborate_file(make_source("m.yaml", cat({R"yaml(lathe: 1
model: m
inputs: {ids: "int64[B, T]"}
values:
  f8: {type: Float8Config, weight_scale: {granularity: tensor}, mlp_in_float8: )yaml",
      mlps, ", attn_qkv_in_float8: ", attention, R"yaml(}
layers:
  lm:
    type: Transformer
    embedding: {type: Embedding, vocab_size: 8, hidden_dim: 4}
    norm: {type: RMSNorm, dim: 4}
    layers:
      type: TransformerBlock
      repeat: 3
      attention_norm: {type: RMSNorm, dim: 4}
      mlp_norm: {type: RMSNorm, dim: 4}
      attention: {type: AttentionWithRope, rope: {type: RotaryEmbedding, head_dim: 4}, num_attention_heads: 1, hidden_size: 4, float8_config: f8}
      mlp: {type: MLP, hidden_dim: 4, feed_forward_length: 8, float8_config: f8}
)yaml"})),
                                     diagnostics);
  REQUIRE_MESSAGE(!diagnostics.has_errors(), render(diagnostics.sorted()));
  std::string text;
  for (const GraphWeight& weight : model.graph.weights) {
    const std::vector<std::string> parts = split(weight.path, '.');
    const bool shown = parts.size() > 4 && is_float8(weight.type.dtype) &&
                       (parts[4] == "up_proj" || parts[4] == "q_proj");
    if (shown) text += cat({parts[2], ".", parts[3], " "});
  }
  return text;
}

}  // namespace

TEST_CASE("float8 blocks: all, none, lists and ranges") {
  CHECK_EQ(float8_layers("all", "none"), "0.mlp 1.mlp 2.mlp ");
  CHECK_EQ(float8_layers("none", "all"),
           "0.self_attn 1.self_attn 2.self_attn ");
  CHECK_EQ(float8_layers("[0, 2]", "\"range(1, 3)\""),
           "0.mlp 1.self_attn 2.self_attn 2.mlp ");
  CHECK_EQ(float8_layers("[]", "[7]"), "");
}

TEST_CASE("float8 blocks: outside of lists, and where layer_index is given") {
  const std::string yaml = R"yaml(
inputs: {x: "float32[B, 4]"}
values:
  f8: {type: Float8Config, weight_scale: {granularity: tensor}, mlp_in_float8: [5]}
layers:
  a: {type: MLP, hidden_dim: 4, feed_forward_length: 4, float8_config: f8}
  b: {type: MLP, hidden_dim: 4, feed_forward_length: 4, float8_config: f8, layer_index: 4}
  c: {type: MLP, repeat: 2, index: i, hidden_dim: 4, feed_forward_length: 4, float8_config: f8, layer_index: i + 4}
)yaml";
  const std::string graph = graph_of(yaml);
  const auto in_float8 = [&](const std::string& path) {
    return graph.find(path + ".up_proj.weight float8_e4m3fn") !=
           std::string::npos;
  };
  CHECK(in_float8("a"));
  CHECK(!in_float8("b"));
  CHECK(!in_float8("c.0"));
  CHECK(in_float8("c.1"));
}

}  // namespace lathe
