#include "interpreter/quantization_dialects.h"

#include <charconv>

#include "interpreter/dialect_reading.h"
#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Two sizes: [128, 128], in files of the first programs also "128x128".
std::vector<int64_t> sizes_of(const ConfigValue& value, std::string_view key) {
  std::vector<int64_t> sizes;
  if (const std::string* text = std::get_if<std::string>(&value.value)) {
    const char* end = text->data() + text->size();
    int64_t rows = 0, columns = 0;
    const char* cross = std::from_chars(text->data(), end, rows).ptr;
    const bool crossed = cross != end && *cross == 'x' &&
                         std::from_chars(cross + 1, end, columns).ptr == end;
    if (crossed && rows > 0 && columns > 0) sizes = {rows, columns};
  }
  if (const ConfigList* items = std::get_if<ConfigList>(&value.value)) {
    for (const ConfigValue& item : *items) {
      const int64_t* size = std::get_if<int64_t>(&item.value);
      if (size != nullptr && *size > 0) sizes.push_back(*size);
    }
  }
  if (sizes.size() == 2) return sizes;
  fail("L0508", value.span,
       cat({"`", key, "` wants two sizes and gets ", to_string(value)}));
}

int64_t size_of(const ConfigValue& map, std::string_view key) {
  const ConfigValue* value = config_member(map, key);
  const int64_t* size =
      value == nullptr ? nullptr : std::get_if<int64_t>(&value->value);
  if (size != nullptr && *size > 0) return *size;
  fail("L0508", value == nullptr ? map.span : value->span,
       cat({"`", key, "` wants a positive size"}));
}

StructFields weight_scales(const ConfigValue& place, const char* granularity) {
  return std::move(StructFields(place.span).text("granularity", granularity));
}

StructFields input_scales(const ConfigValue& place, const char* granularity,
                    bool dynamic) {
  return std::move(StructFields(place.span)
                       .text("granularity", granularity)
                       .text("origin", dynamic ? "dynamic" : "static"));
}

// What the tensors of a layer in float8 say; computed scales have the dtype
// of the stored ones.
const std::vector<StoredFact> kFloat8Facts = {
    {"weight", "weight_dtype"},
    {"weight_scale", "weight_scale.dtype"},
    {"weight_scale", "input_scale.dtype"},
    {"input_scale", "input_scale.dtype"},
    {"input_scale_ub", "input_scale.stored_scale_ub",
     StoredFact::What::kPresence},
    {"bias", "bias_dtype"},
};

// A Float8Config; `input` is null where only the weights are in float8.
QuantizedGroup float8_group(const ConfigValue& section,
                            const std::string& method, ConfigValue weight,
                            ConfigValue input) {
  StructFields fields(section.span);
  fields.add("weight_scale", std::move(weight))
      .add("input_scale", std::move(input))
      .text("quant_method", method);
  return {{}, "Float8Config", fields.done(), "weight_scale", kFloat8Facts};
}

// ---- compressed-tensors ----

// `weights` and `input_activations` are 8-bit floats.
void require_float8(const ConfigValue& args) {
  const ConfigValue* bits = config_member(args, "num_bits");
  const ConfigValue* type = config_member(args, "type");
  const int64_t* count =
      bits == nullptr ? nullptr : std::get_if<int64_t>(&bits->value);
  if (bits != nullptr && (count == nullptr || *count != 8)) {
    refuse_config(*bits, "num_bits", "8-bit floats are read");
  }
  if (type != nullptr && config_text(args, "type") != "float") {
    refuse_config(*type, "type", "8-bit floats are read");
  }
}

bool is_dynamic(const ConfigValue& args) {
  const ConfigValue* value = config_member(args, "dynamic");
  const bool* flag =
      value == nullptr ? nullptr : std::get_if<bool>(&value->value);
  if (value != nullptr && flag == nullptr) {
    refuse_config(*value, "dynamic", "it is true or false");
  }
  return flag != nullptr && *flag;
}

ConfigValue compressed_weight(const ConfigValue& args) {
  require_float8(args);
  if (is_dynamic(args)) {
    refuse_config(*config_member(args, "dynamic"), "dynamic",
                "scales of weights are stored");
  }
  const std::string strategy = config_choice(
      args, "strategy", {"tensor", "channel", "group", "block"}, "tensor");
  if (strategy == "tensor") return weight_scales(args, "tensor").done();
  if (strategy == "channel") return weight_scales(args, "rowwise").done();
  if (strategy == "group") {
    return weight_scales(args, "block")
        .block(1, size_of(args, "group_size"))
        .done();
  }
  const ConfigValue* block = config_member(args, "block_structure");
  if (block == nullptr) {
    fail("L0508", args.span, "strategy `block` needs `block_structure`");
  }
  const std::vector<int64_t> sizes = sizes_of(*block, "block_structure");
  return weight_scales(args, "block").block(sizes[0], sizes[1]).done();
}

ConfigValue compressed_input(const ConfigValue& args) {
  require_float8(args);
  const bool dynamic = is_dynamic(args);
  const std::string strategy =
      config_choice(args, "strategy", {"tensor", "token", "channel", "group"},
                "tensor");
  if (strategy == "group") {
    return input_scales(args, "block", dynamic)
        .block(1, size_of(args, "group_size"))
        .done();
  }
  return input_scales(args, strategy.c_str(), dynamic).done();
}

QuantizationDescription read_compressed_tensors(const ConfigValue& section) {
  QuantizationDescription out;
  out.ignored = config_modules(section, {"ignore"}, PatternKind::kName);
  const ConfigValue* groups = config_member(section, "config_groups");
  const ConfigMap* entries =
      groups == nullptr ? nullptr : std::get_if<ConfigMap>(&groups->value);
  if (entries == nullptr) {
    fail("L0508", section.span, "`config_groups` is missing");
  }
  for (const auto& [name, group] : *entries) {
    const ConfigValue* weights = config_member(group, "weights");
    if (weights == nullptr) {
      fail("L0508", group.span,
           cat({"the group `", name, "` has no `weights`"}),
           "groups that quantise activations only are not read");
    }
    const ConfigValue* inputs = config_member(group, "input_activations");
    QuantizedGroup read = float8_group(
        group, "compressed-tensors", compressed_weight(*weights),
        inputs == nullptr ? ConfigValue{} : compressed_input(*inputs));
    read.targets = config_modules(group, {"targets"}, PatternKind::kName);
    out.groups.push_back(std::move(read));
  }
  return out;
}

// ---- fbgemm_fp8 ----

const std::vector<std::string> kSkipKeys = {"modules_to_not_convert",
                                            "ignored_layers"};

// Hugging Face leaves out the output projection where no list is given.
void add_default_modules(const ConfigValue& section,
                         QuantizationDescription& out) {
  out.ignored = config_modules(section, kSkipKeys, PatternKind::kModule);
  out.ignored_by_default.push_back(
      {PatternKind::kModule, "lm_head", section.span});
}

QuantizationDescription read_fbgemm(const ConfigValue& section) {
  QuantizationDescription out;
  StructFields input = input_scales(section, "token", true);
  if (const ConfigValue* bound = config_member(section, "activation_scale_ub")) {
    input.add("activation_scale_ub", *bound);
  }
  out.groups.push_back(float8_group(section, "fbgemm_fp8",
                                    weight_scales(section, "rowwise").done(),
                                    input.done()));
  add_default_modules(section, out);
  return out;
}

// ---- fp8 ----

QuantizationDescription read_fp8(const ConfigValue& section) {
  QuantizationDescription out;
  const bool dynamic =
      config_choice(section, "activation_scheme", {"dynamic", "static"},
                "dynamic") == "dynamic";
  const ConfigValue* block = config_member(section, "weight_block_size");
  ConfigValue weight, input;
  if (block != nullptr) {
    const std::vector<int64_t> sizes = sizes_of(*block, "weight_block_size");
    weight = weight_scales(*block, "block").block(sizes[0], sizes[1]).done();
    input = input_scales(*block, "block", true).block(1, sizes[1]).done();
  } else {
    weight = weight_scales(section, "tensor").done();
    input = input_scales(section, "token", true).done();
  }
  if (!dynamic) input = input_scales(section, "tensor", false).done();
  out.groups.push_back(
      float8_group(section, "fp8", std::move(weight), std::move(input)));
  add_default_modules(section, out);
  return out;
}

// ---- modelopt ----

QuantizationDescription read_modelopt(const ConfigValue& section) {
  // In hf_quant_config.json the settings are one level down.
  const ConfigValue* inner = config_member(section, "quantization");
  const ConfigValue& settings = inner == nullptr ? section : *inner;
  const std::string algorithm =
      config_choice(settings, "quant_algo",
                {"FP8", "FP8_PER_CHANNEL_PER_TOKEN", "FP8_PB_WO"});
  QuantizationDescription out;
  ConfigValue weight, input;
  if (algorithm == "FP8") {
    weight = weight_scales(settings, "tensor").done();
    input = input_scales(settings, "tensor", false).done();
  } else if (algorithm == "FP8_PER_CHANNEL_PER_TOKEN") {
    weight = weight_scales(settings, "rowwise").done();
    input = input_scales(settings, "token", true).done();
  } else {
    weight = weight_scales(settings, "block").block(128, 128).done();
  }
  QuantizedGroup group = float8_group(settings, "modelopt", std::move(weight),
                                      std::move(input));
  std::get<ConfigMap>(group.config.value)
      .push_back({"quant_algo", {algorithm, settings.span}});
  out.groups.push_back(std::move(group));
  out.ignored = config_modules(settings, {"exclude_modules", "ignore"},
                               PatternKind::kGlob);
  return out;
}

}  // namespace

std::string quantization_method(const ConfigValue& section) {
  const std::string method = config_text(section, "quant_method");
  return method.empty() ? config_text(section, "producer.name") : method;
}

const std::vector<QuantizationDialect>& quantization_dialects() {
  static const std::vector<QuantizationDialect> table = {
      {"compressed-tensors", "groups of modules, each with its strategies",
       read_compressed_tensors},
      {"fbgemm_fp8", "a scale a row of the weight, a scale a token",
       read_fbgemm},
      {"fp8", "blocks of the weight, or the whole", read_fp8},
      {"gptq", "integers in words, input features first", read_gptq,
       "quantize_config.json"},
      {"awq", "integers in words, outputs first", read_awq,
       "quant_config.json"},
      {"modelopt", "algorithms FP8, FP8_PER_CHANNEL_PER_TOKEN, FP8_PB_WO",
       read_modelopt, "hf_quant_config.json"},
  };
  return table;
}

QuantizationDescription read_quantization(const ConfigValue& section) {
  const std::string method = quantization_method(section);
  std::vector<std::string> known;
  for (const QuantizationDialect& dialect : quantization_dialects()) {
    known.push_back(std::string(dialect.method));
    if (dialect.method != method) continue;
    QuantizationDescription out = dialect.read(section);
    out.method = method;
    out.span = section.span;
    return out;
  }
  const ConfigValue* place = config_member(section, "quant_method");
  fail("L0508", place == nullptr ? section.span : place->span,
       method.empty()
           ? std::string("`quant_method` is missing")
           : cat({"checkpoints of ", backquoted(method), " cannot be read"}),
       cat({"these can: ", join(known, ", ")}));
}

const std::vector<TensorAlias>& quantized_tensor_aliases() {
  static const std::vector<TensorAlias> table = {
      {"weight_scale_inv", "weight_scale"},
      {"activation_scale", "input_scale"},
  };
  return table;
}

const std::vector<std::string>& unneeded_quantized_tensors() {
  static const std::vector<std::string> patterns = {"*.k_scale", "*.v_scale",
                                                    "*.kv_scale",
                                                    "*.g_idx", "*.qzeros"};
  return patterns;
}

}  // namespace lathe
