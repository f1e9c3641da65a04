#include "runtime/quantize/gguf_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "runtime/model_target.h"
#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {
namespace {

// The architectures whose tensors stand in the file as they do in a
// checkpoint, but for those that `arranged` changes.
constexpr std::string_view kArchitectures[] = {"llama", "qwen2", "qwen3",
                                               "gemma2"};

constexpr double kPi = 3.14159265358979323846;

// "llama", of keys such as "llama.block_count"; empty if there are none.
std::string architecture_of(const SpecFile& spec) {
  constexpr std::string_view kEnd = ".block_count";
  for (const ParamDecl& param : spec.params) {
    for (const Name& key : param.from) {
      if (key.text.ends_with(kEnd)) {
        return key.text.substr(0, key.text.size() - kEnd.size());
      }
    }
  }
  return "";
}

// A number as the param's type wants it in the file.
ConfigValue typed(const ParamDecl& param, ConfigValue value) {
  const bool wants_float = param.type && param.type->name == "float";
  const int64_t* integer = std::get_if<int64_t>(&value.value);
  if (wants_float && integer != nullptr) {
    value.value = static_cast<double>(*integer);
  }
  return value;
}

bool is_plain(const ConfigValue& value) {
  return !std::holds_alternative<std::monostate>(value.value) &&
         !std::holds_alternative<ConfigMap>(value.value);
}

double number_at(const ConfigValue& map, const char* key, double fallback) {
  const ConfigValue* value = find_config(map, key);
  if (value == nullptr) return fallback;
  if (const auto* integer = std::get_if<int64_t>(&value->value)) {
    return static_cast<double>(*integer);
  }
  const auto* real = std::get_if<double>(&value->value);
  return real == nullptr ? fallback : *real;
}

// gemma2's norms multiply by 1 + weight; files hold that sum.
Tensor plus_one(const Tensor& weight) {
  Tensor sum(DType::kFloat32, weight.shape());
  for (int64_t i = 0; i < sum.numel(); ++i) sum.set(i, 1 + weight.at(i));
  return sum;
}

std::string text_at(const ConfigValue& map, const char* key) {
  const ConfigValue* value = find_config(map, key);
  const std::string* text =
      value == nullptr ? nullptr : std::get_if<std::string>(&value->value);
  return text == nullptr ? "" : *text;
}

}  // namespace

GgufModel::GgufModel(const std::string& folder) {
  if (!std::filesystem::exists(std::filesystem::path(folder) /
                               "config.json")) {
    fail("L0530", {},
         cat({"a GGUF file says what model it holds, and there is no "
              "config.json beside ",
              backquoted(folder)}),
         "name a Hugging Face folder");
  }
  SpecLibrary library;
  Diagnostics diagnostics;
  const ModelTarget target = open_target(folder, "", library, diagnostics);
  diagnostics.throw_if_errors();
  architecture_ = architecture_of(*target.spec);
  const bool known =
      std::find(std::begin(kArchitectures), std::end(kArchitectures),
                architecture_) != std::end(kArchitectures);
  if (!known) {
    fail("L0530", {},
         cat({"`", target.spec->name.text, "` cannot be written as GGUF"}),
         cat({"these can: ", join({std::begin(kArchitectures),
                                   std::end(kArchitectures)},
                                  ", ")}));
  }
  if (target.spec->checkpoint) {
    rules_ = read_load_rules(*target.spec->checkpoint, diagnostics);
    for (const Name& pattern : target.spec->checkpoint->ignore) {
      ignored_.push_back(pattern.text);
    }
  }
  read_metadata(*target.spec, *target.config);
  if (architecture_ == "gemma2") check_gemma2(*target.config);
  read_scaling(*target.config);
}

// What GGUF has no words for, and programs take for granted: the scale of the
// scores, and that every second layer has a window, the first one, too.
void GgufModel::check_gemma2(const ConfigValue& config) const {
  const auto refuse = [&](const char* key) {
    const ConfigValue& value = *find_config(config, key);
    fail("L0530", value.span,
         cat({"GGUF has no words for `", key, ": ", to_string(value),
              "` of this model"}));
  };
  const int64_t heads = integer("attention.head_count", 1);
  const bool largest = integer("block_count", 0) == 46;
  const int64_t scalar = largest ? integer("embedding_length", heads) / heads
                                 : integer("attention.key_length", 256);
  const auto wanted = static_cast<double>(scalar);
  if (number_at(config, "query_pre_attn_scalar", wanted) != wanted) {
    refuse("query_pre_attn_scalar");
  }
  const ConfigValue* types = find_config(config, "layer_types");
  const ConfigList* items =
      types == nullptr ? nullptr : std::get_if<ConfigList>(&types->value);
  for (size_t i = 0; items != nullptr && i < items->size(); ++i) {
    const std::string* type = std::get_if<std::string>(&(*items)[i].value);
    const bool slides = type != nullptr && *type == "sliding_attention";
    if (slides != (i % 2 == 0)) refuse("layer_types");
  }
}

void GgufModel::add(const std::string& key, ConfigValue value) {
  for (const ConfigMember& entry : metadata_) {
    if (entry.name == key) return;
  }
  metadata_.push_back({key, std::move(value)});
}

void GgufModel::read_metadata(const SpecFile& spec,
                              const ConfigValue& config) {
  add("general.architecture", {architecture_, {}});
  add("general.name", {spec.name.text, {}});
  const std::string own = architecture_ + ".";
  for (const ParamDecl& param : spec.params) {
    const ConfigValue* value = nullptr;
    for (const Name& key : param.from) {
      if (value == nullptr) value = find_config(config, key.text);
      if (value == nullptr || !is_plain(*value)) continue;
      if (key.text.rfind(own, 0) == 0) add(key.text, typed(param, *value));
    }
  }
  // What programs take for the width of a head of the values.
  const std::string width = own + "attention.key_length";
  if (const int64_t size = integer(width, 0); size > 0) {
    add(own + "attention.value_length", {size, {}});
    add(own + "rope.dimension_count", {size, {}});
  }
}

int64_t GgufModel::integer(const std::string& key, int64_t fallback) const {
  for (const ConfigMember& entry : metadata_) {
    if (entry.name != architecture_ + "." + key && entry.name != key) continue;
    const int64_t* value = std::get_if<int64_t>(&entry.value.value);
    if (value != nullptr) return *value;
  }
  return fallback;
}

double GgufModel::real(const std::string& key, double fallback) const {
  for (const ConfigMember& entry : metadata_) {
    if (entry.name != architecture_ + "." + key) continue;
    const double* value = std::get_if<double>(&entry.value.value);
    if (value != nullptr) return *value;
  }
  return fallback;
}

void GgufModel::read_scaling(const ConfigValue& config) {
  const ConfigValue* scaling = find_config(config, "rope_scaling");
  if (scaling == nullptr || !std::holds_alternative<ConfigMap>(scaling->value)) {
    scaling = find_config(config, "rope_parameters");
  }
  if (scaling == nullptr) return;
  std::string method = text_at(*scaling, "rope_type");
  if (method.empty()) method = text_at(*scaling, "type");
  if (method.empty() || method == "default") return;
  if (method == "llama3") return add_factors(*scaling);
  const std::string own = architecture_ + ".rope.scaling.";
  const double trained =
      number_at(*scaling, "original_max_position_embeddings", 0);
  if (method == "linear" || method == "yarn") {
    add(own + "type", {method, {}});
    add(own + "factor", {number_at(*scaling, "factor", 1), {}});
    if (trained > 0) {
      add(own + "original_context_length",
          {static_cast<int64_t>(trained), {}});
    }
    return;
  }
  fail("L0530", scaling->span,
       cat({"GGUF has no words for rope scaling `", printable(method), "`"}));
}

// llama3 stretches each frequency by its own factor: a tensor of divisors.
void GgufModel::add_factors(const ConfigValue& scaling) {
  const int64_t heads = integer("attention.head_count", 1);
  const int64_t width = integer(
      "attention.key_length", integer("embedding_length", heads) / heads);
  const double theta = real("rope.freq_base", 10000);
  const double factor = number_at(scaling, "factor", 8);
  const double low = number_at(scaling, "low_freq_factor", 1);
  const double high = number_at(scaling, "high_freq_factor", 4);
  const double trained =
      number_at(scaling, "original_max_position_embeddings", 8192);
  Tensor factors(DType::kFloat32, {width / 2});
  for (int64_t i = 0; i < width / 2; ++i) {
    const double wavelength =
        2 * kPi *
        std::pow(theta, 2.0 * static_cast<double>(i) /
                            static_cast<double>(width));
    double divisor = factor;
    if (wavelength < trained / high) {
      divisor = 1;
    } else if (wavelength <= trained / low) {
      const double smooth = (trained / wavelength - low) / (high - low);
      divisor = 1 / ((1 - smooth) / factor + smooth);
    }
    factors.set(i, divisor);
  }
  extra_.push_back({"rope_freqs.weight", factors});
}

bool GgufModel::drops(const std::string& tensor) const {
  return std::any_of(ignored_.begin(), ignored_.end(),
                     [&](const std::string& pattern) {
                       return match_name(pattern, tensor).has_value();
                     });
}

std::string GgufModel::name_of(const std::string& tensor) const {
  for (const LoadRuleSpec& rule : rules_) {
    if (rule.verb == nullptr || rule.verb->name != renaming_verb()) continue;
    const std::optional<Captures> captures = match_name(rule.to[0], tensor);
    if (!captures) continue;
    if (const auto name = fill_pattern(rule.from[0], *captures)) return *name;
  }
  fail("L0530", {},
       cat({backquoted(tensor), " has no name in a GGUF file of `",
            architecture_, "`"}));
}

Tensor GgufModel::arranged(const std::string& name,
                           const Tensor& stored) const {
  if (architecture_ == "gemma2" && name.ends_with("norm.weight")) {
    return plus_one(stored);
  }
  const bool queries = name.find(".self_attn.q_proj.") != std::string::npos;
  const bool keys = name.find(".self_attn.k_proj.") != std::string::npos;
  if (architecture_ != "llama" || !(queries || keys)) return stored;
  const int64_t all = integer("attention.head_count", 1);
  const int64_t heads = queries ? all
                                : integer("attention.head_count_kv", all);
  const int64_t rows = stored.shape()[0];
  const int64_t width = rows / heads;
  const auto bytes = static_cast<size_t>(stored.bytes() / rows);
  Tensor out(stored.dtype(), stored.shape());
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t at = r % width;
    const int64_t from = r - at + at % 2 * (width / 2) + at / 2;
    std::memcpy(out.mutable_data() + static_cast<size_t>(r) * bytes,
                stored.data() + static_cast<size_t>(from) * bytes, bytes);
  }
  return out;
}

}  // namespace lathe
