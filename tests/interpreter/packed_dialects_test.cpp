// `quantization_config: checkpoint` in the dialects of GPTQ and AWQ.
#include <doctest/doctest.h>

#include "spec/text.h"
#include "tests/support/elaborate_text.h"

namespace lathe {
namespace {

// "path type" of each weight, or the messages.
std::string packed_weights(const std::string& extras) {
  const std::string yaml = R"yaml(lathe: 1
model: m
config: config.json
inputs: {x: "bfloat16[B, 64]"}
layers:
  model.up: {type: Linear, in_dim: 64, out_dim: 32, quantization_config: checkpoint}
  model.down: {type: Linear, in_dim: 32, out_dim: 64, quantization_config: checkpoint}
  lm_head: {type: Linear, in_dim: 64, out_dim: 8, quantization_config: checkpoint}
)yaml";
  Diagnostics diagnostics;
  const Model model =
      elaborate_file(make_source("m.yaml", yaml + extras), diagnostics);
  if (diagnostics.has_errors()) return render(diagnostics.sorted());
  std::string text;
  for (const GraphWeight& weight : model.graph.weights) {
    text += cat({weight.path, " ", to_string(weight.type), "\n"});
  }
  return text;
}

std::string weights_with(const std::string& config) {
  return packed_weights(
      cat({"x-config: {quantization_config: ", config, "}\n"}));
}

}  // namespace

TEST_CASE("gptq: words, zero points and scales, and a plain lm_head") {
  CHECK_EQ(weights_with("{quant_method: gptq, bits: 4, group_size: 32, "
                        "sym: false, desc_act: true}"),
           R"text(model.up.qweight int32[8, 32]
model.up.qzeros int32[2, 4]
model.up.scales float16[2, 32]
model.up.g_idx int32[64]
model.down.qweight int32[4, 64]
model.down.qzeros int32[1, 8]
model.down.scales float16[1, 64]
model.down.g_idx int32[32]
lm_head.weight bfloat16[8, 64]
)text");
}

TEST_CASE("gptq: rules for single modules, by expressions") {
  CHECK_EQ(weights_with("{quant_method: gptq, bits: 4, group_size: 32, "
                        "lm_head: true, dynamic: {'-:.*up': {}, "
                        "'+:model.down': {bits: 8, group_size: -1}}}"),
           R"text(model.up.weight bfloat16[32, 64]
model.down.qweight int32[8, 64]
model.down.scales float16[1, 64]
lm_head.qweight int32[8, 8]
lm_head.scales float16[2, 8]
)text");
}

TEST_CASE("gptq: modules by their names in a block") {
  CHECK_EQ(weights_with("{quant_method: gptq, group_size: 32, "
                        "modules_in_block_to_quantize: [[down], [other]]}"),
           R"text(model.up.weight bfloat16[32, 64]
model.down.qweight int32[4, 64]
model.down.scales float16[1, 64]
lm_head.weight bfloat16[8, 64]
)text");
}

TEST_CASE("gptq: the file decides on dtypes, biases, and what it need not use") {
  CHECK_EQ(packed_weights(R"yaml(
x-config: {quantization_config: {quant_method: gptq, group_size: -1}}
x-checkpoint:
  model.up.qweight: int32[8, 32]
  model.up.qzeros: int32[1, 4]
  model.up.scales: bfloat16[1, 32]
  model.up.bias: float16[32]
  model.up.g_idx: int32[64]
  model.down.qweight: int32[4, 64]
  model.down.scales: float32[1, 64]
  lm_head.weight: bfloat16[8, 64]
)yaml"),
           R"text(model.up.qweight int32[8, 32]
model.up.scales bfloat16[1, 32]
model.up.bias bfloat16[32]
model.down.qweight int32[4, 64]
model.down.scales float32[1, 64]
lm_head.weight bfloat16[8, 64]
)text");
}

TEST_CASE("awq: words of outputs, under both names of the settings") {
  const std::string expected = R"text(model.up.qweight int32[64, 4]
model.up.qzeros int32[2, 4]
model.up.scales float16[2, 32]
model.down.weight bfloat16[64, 32]
lm_head.weight bfloat16[8, 64]
)text";
  CHECK_EQ(weights_with("{quant_method: awq, bits: 4, group_size: 32, "
                        "zero_point: true, version: gemm, "
                        "modules_to_not_convert: [down]}"),
           expected);
  CHECK_EQ(weights_with("{quant_method: awq, w_bit: 4, q_group_size: 32, "
                        "modules_to_not_convert: [model.down]}"),
           expected);
}

}  // namespace lathe
