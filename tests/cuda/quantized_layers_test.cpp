// Decoder layers with quantised weights: how many kernels a run of few tokens
// takes, and what these compute.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "spec/text.h"
#include "tests/codegen/model_check.h"
#include "tests/cuda/launches.h"

namespace lathe {
namespace {

struct Quantization {
  std::string name;
  std::string linear;  // fields of the projections
  std::string values;
  // The kernels of nine tokens, where products and norms are apart.
  std::string many;
};

std::string float8(const std::string& weights, const std::string& inputs) {
  return cat({"values:\n  how: {type: Float8Config, weight_scale: {", weights,
              "}", inputs.empty() ? "" : ", input_scale: {", inputs,
              inputs.empty() ? "}" : "}}"});
}

const std::vector<Quantization>& quantizations() {
  static const char kNorms[] =
      "row matmul row attention matmul row matmul matmul";
  static const char kCodes[] =
      "row matmul row attention row matmul row matmul row matmul";
  // A scale for all takes the largest number of each row, that of all rows and
  // the codes.
  static const char kTensor[] =
      "row row row matmul row attention row row row matmul row row row matmul "
      "row row row matmul";
  static const std::vector<Quantization> all = {
      {"GPTQ", ", quantization_config: how",
       "values:\n  how: {type: QuantizationConfig, quant_method: gptq}",
       kNorms},
      {"GPTQ with zero points", ", quantization_config: how",
       "values:\n  how: {type: QuantizationConfig, quant_method: gptq, "
       "sym: false}",
       kNorms},
      {"Q4_0", ", linear_cls: {type: Linear, quantization_encoding: Q4_0}", "",
       kNorms},
      {"Q6_K", ", linear_cls: {type: Linear, quantization_encoding: Q6_K}", "",
       kNorms},
      {"Q8_0 with codes",
       ", linear_cls: {type: Linear, quantization_encoding: Q8_0, "
       "input_encoding: Q8_0}",
       "", kCodes},
      {"Q4_K with codes",
       ", linear_cls: {type: Linear, quantization_encoding: Q4_K, "
       "input_encoding: Q8_K}",
       "", kCodes},
      {"float8 weights", ", float8_config: how",
       float8("granularity: rowwise", ""), kNorms},
      {"float8 by rows", ", float8_config: how",
       float8("granularity: rowwise", "granularity: token"), kCodes},
      {"float8 by blocks", ", float8_config: how",
       float8("granularity: block, block_size: [128, 128]",
              "granularity: block, block_size: [1, 128]"),
       kCodes},
      {"float8 by tensors", ", float8_config: how",
       float8("granularity: tensor", "granularity: tensor"), kTensor},
  };
  return all;
}

std::string layer_of(const Quantization& of, const std::string& dtype,
                     const std::string& result) {
  return cat({of.values, R"(
inputs: {x: ")", dtype, R"([1, T, 256]"}
layers:
  rope: {type: RotaryEmbedding, interleaved: false}
  block:
    type: TransformerBlock
    attention_norm: {type: RMSNorm, dim: 256}
    attention: {type: AttentionWithRope, rope: rope, num_attention_heads: 4,
                num_key_value_heads: 2, hidden_size: 256, scale: 0.0001)",
              of.linear, R"(}
    mlp_norm: {type: RMSNorm, dim: 256}
    mlp: {type: MLP, hidden_dim: 256, feed_forward_length: 512)",
              of.linear, R"(}
body:
  - h = block(x)
  - y = )",
              result, "\n"});
}

}  // namespace

// Each product makes the codes of its rows and their scales itself, as it norms
// them: every block does so for all its rows, of which there are few.
TEST_CASE("cuda plan: few tokens take six kernels a quantised layer") {
  for (const Quantization& of : quantizations()) {
    CAPTURE(of.name);
    const std::string layer = layer_of(of, "bfloat16", "h");
    for (const int64_t tokens : {1, 8}) {
      CHECK_EQ(launches(layer, tokens),
               "matmul row attention matmul matmul matmul");
    }
    CHECK_EQ(launches(layer, 9), of.many);
  }
}

// In float32, where nothing but the order of sums can move a code; at the size
// of a token's numbers, as weights differ in theirs.
TEST_CASE("cuda kernels: quantised layers agree with the reference") {
  std::vector<ModelCase> cases;
  for (const Quantization& of : quantizations()) {
    cases.push_back({.name = of.name,
                     .yaml = layer_of(of, "float32", "h / sqrt(mean(h * h))"),
                     .sizes = sizes_of("T", {1, 3, 8, 9}),
                     .strategies = "matmul row attention",
                     .terms = 512});
  }
  CHECK_EQ(failures_of(cases, "sm_90a", 1), "");
}

}  // namespace lathe
