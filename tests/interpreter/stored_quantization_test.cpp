// `float8_config: checkpoint` in every dialect of quantization_config: which
// weights a model then has, with the file's tensors and without.
#include <doctest/doctest.h>

#include "interpreter/module_pattern.h"
#include "spec/text.h"
#include "tests/support/elaborate_text.h"

namespace lathe {
namespace {

// A block of two layers, and a projection; `extras` are x-config and
// x-checkpoint.
std::string model_with(const std::string& extras) {
  return R"yaml(
config: config.json
inputs: {x: "bfloat16[B, 256]"}
layers:
  model.up: {type: Linear, in_dim: 256, out_dim: 130, has_bias: true, float8_config: checkpoint}
  model.down: {type: Linear, in_dim: 130, out_dim: 256, float8_config: checkpoint}
  lm_head: {type: Linear, in_dim: 256, out_dim: 8, float8_config: checkpoint}
)yaml" + extras;
}

// "path type" of each weight, or the messages.
std::string weights_of(const std::string& extras) {
  Diagnostics diagnostics;
  const Model model =
      elaborate_file(make_source("m.yaml", "lathe: 1\nmodel: m\n" +
                                               model_with(extras)),
                     diagnostics);
  if (diagnostics.has_errors()) return render(diagnostics.sorted());
  std::string text;
  for (const GraphWeight& weight : model.graph.weights) {
    text += cat({weight.path, " ", to_string(weight.type), "\n"});
  }
  return text;
}

bool matches_text(ModulePattern::Kind kind, const std::string& pattern,
                  const std::string& path) {
  return matches({kind, pattern, {}}, path, "Linear");
}

const char* const kPlain = R"text(model.up.weight bfloat16[130, 256]
model.up.bias bfloat16[130]
model.down.weight bfloat16[256, 130]
lm_head.weight bfloat16[8, 256]
)text";

}  // namespace

TEST_CASE("quantization: without a quantization_config nothing is quantised") {
  CHECK_EQ(weights_of("x-config: {hidden_size: 8}\n"), kPlain);
  CHECK_EQ(weights_of("x-config: {quantization_config: null}\n"), kPlain);
}

TEST_CASE("quantization: fp8 with blocks, and the names it stores") {
  CHECK_EQ(weights_of(R"yaml(
x-config:
  quantization_config: {quant_method: fp8, activation_scheme: dynamic, weight_block_size: [128, 128]}
x-checkpoint:
  model.up.weight: float8_e4m3fn[130, 256]
  model.up.weight_scale_inv: bfloat16[2, 2]
  model.up.bias: float32[130]
  model.down.weight: float8_e4m3fn[256, 130]
  model.down.weight_scale_inv: float32[2, 2]
  lm_head.weight: bfloat16[8, 256]
  model.up.k_scale: float32[1]
)yaml"),
           R"text(model.up.weight float8_e4m3fn[130, 256]
model.up.weight_scale bfloat16[2, 2]
model.up.bias float32[130]
model.down.weight float8_e4m3fn[256, 130]
model.down.weight_scale float32[2, 2]
lm_head.weight bfloat16[8, 256]
)text");
}

TEST_CASE("quantization: fp8 of whole tensors, static, and modules left out") {
  CHECK_EQ(weights_of(R"yaml(
x-config:
  quantization_config: {quant_method: fp8, activation_scheme: static, modules_to_not_convert: [model.down]}
x-checkpoint:
  model.up.weight: float8_e5m2[130, 256]
  model.up.weight_scale: "float32[1]"
  model.up.activation_scale: float32[1]
  model.up.bias: bfloat16[130]
  model.down.weight: bfloat16[256, 130]
  lm_head.weight: float8_e4m3fn[8, 256]
  lm_head.weight_scale: float32[1]
  lm_head.input_scale: float32[1]
)yaml"),
           R"text(model.up.weight float8_e5m2[130, 256]
model.up.weight_scale float32[1, 1]
model.up.input_scale float32[1]
model.up.bias bfloat16[130]
model.down.weight bfloat16[256, 130]
lm_head.weight float8_e4m3fn[8, 256]
lm_head.weight_scale float32[1, 1]
lm_head.input_scale float32[1]
)text");
}

TEST_CASE("quantization: fbgemm, with bounds in the file") {
  CHECK_EQ(weights_of(R"yaml(
x-config:
  quantization_config: {quant_method: fbgemm_fp8, activation_scale_ub: 1200.0, modules_to_not_convert: [lm_head]}
x-checkpoint:
  model.up.weight: float8_e4m3fn[130, 256]
  model.up.weight_scale: float32[130, 1]
  model.up.input_scale_ub: float32[1]
  model.up.bias: bfloat16[130]
  model.down.weight: float8_e4m3fn[256, 130]
  model.down.weight_scale: float32[256]
  lm_head.weight: bfloat16[8, 256]
)yaml"),
           R"text(model.up.weight float8_e4m3fn[130, 256]
model.up.weight_scale float32[130, 1]
model.up.input_scale_ub float32[1]
model.up.bias bfloat16[130]
model.down.weight float8_e4m3fn[256, 130]
model.down.weight_scale float32[256, 1]
lm_head.weight bfloat16[8, 256]
)text");
}

TEST_CASE("quantization: compressed-tensors, groups by targets, any name") {
  CHECK_EQ(weights_of(R"yaml(
x-config:
  quantization_config:
    quant_method: compressed-tensors
    ignore: ["re:lm_.*"]
    config_groups:
      wide:
        targets: [Linear]
        weights: {num_bits: 8, type: float, strategy: channel, dynamic: false}
        input_activations: {num_bits: 8, type: float, strategy: token, dynamic: true}
      other:
        targets: ["re:.*down$"]
        weights: {num_bits: 8, type: float, strategy: block, block_structure: 64x32, dynamic: false}
        input_activations: null
)yaml"),
           R"text(model.up.weight float8_e4m3fn[130, 256]
model.up.weight_scale float32[130, 1]
model.up.bias bfloat16[130]
model.down.weight float8_e4m3fn[256, 130]
model.down.weight_scale float32[4, 5]
lm_head.weight bfloat16[8, 256]
)text");
}

TEST_CASE("quantization: modelopt, settings one level down and globs") {
  CHECK_EQ(weights_of(R"yaml(
x-config:
  quantization_config:
    producer: {name: modelopt, version: 0.29}
    quantization: {quant_algo: FP8, exclude_modules: ["lm_*", "model.down*"]}
)yaml"),
           R"text(model.up.weight float8_e4m3fn[130, 256]
model.up.weight_scale float32[1, 1]
model.up.input_scale float32[1]
model.up.bias bfloat16[130]
model.down.weight bfloat16[256, 130]
lm_head.weight bfloat16[8, 256]
)text");
}

TEST_CASE("quantization: biases keep the layer's dtype without a file") {
  CHECK_EQ(weights_of(R"yaml(
defaults: {dtype: float32}
x-config: {quantization_config: {quant_method: fp8}}
)yaml"),
           R"text(model.up.weight float8_e4m3fn[130, 256]
model.up.weight_scale float32[1, 1]
model.up.bias float32[130]
model.down.weight float8_e4m3fn[256, 130]
model.down.weight_scale float32[1, 1]
lm_head.weight float32[8, 256]
)text");
}

TEST_CASE("quantization: how each dialect names modules") {
  using Kind = ModulePattern::Kind;
  CHECK(matches_text(Kind::kName, "Linear", "a.b"));
  CHECK(matches_text(Kind::kName, "a.b", "a.b"));
  CHECK(!matches_text(Kind::kName, "a", "a.b"));
  CHECK(matches_text(Kind::kRegex, "model.*(q|k)_proj$", "model.0.q_proj"));
  CHECK(!matches_text(Kind::kRegex, "^(?!.*mlp).*", "model.mlp.up"));
  CHECK(!matches_text(Kind::kRegex, "proj", "q_proj"));
  CHECK(matches_text(Kind::kModule, "layers.1", "layers.1.mlp"));
  CHECK(!matches_text(Kind::kModule, "layers.1", "layers.11.mlp"));
  CHECK(matches_text(Kind::kModule, "layers.*", "layers.11.mlp"));
  CHECK(matches_text(Kind::kModule, "fc1", "layers.3.fc1"));
  CHECK(!matches_text(Kind::kModule, "mlp.gate", "mlp.gate_proj"));
  CHECK(matches_text(Kind::kGlob, "*.self_attn*", "layers.2.self_attn.q"));
  CHECK(matches_text(Kind::kGlob, "layers.2.*", "layers.2"));
  CHECK(!matches_text(Kind::kGlob, "layers.2", "layers.2.mlp"));
}

}  // namespace lathe
