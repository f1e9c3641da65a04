#include "tests/cuda/quantized_layers.h"

#include "spec/text.h"

namespace lathe {
namespace {

std::string float8(const std::string& weights, const std::string& inputs) {
  return cat({"values:\n  how: {type: Float8Config, weight_scale: {", weights,
              "}", inputs.empty() ? "" : ", input_scale: {", inputs,
              inputs.empty() ? "}" : "}}"});
}

}  // namespace

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

std::vector<ModelCase> quantized_layer_cases() {
  std::vector<ModelCase> cases;
  for (const Quantization& of : quantizations()) {
    cases.push_back({.name = of.name,
                     .yaml = layer_of(of, "float32", "h / sqrt(mean(h * h))"),
                     .sizes = sizes_of("T", {1, 3, 8, 9}),
                     .strategies = "matmul row attention",
                     .terms = 512});
  }
  return cases;
}

}  // namespace lathe
