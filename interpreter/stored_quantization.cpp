#include "interpreter/stored_quantization.h"

#include <algorithm>

#include "interpreter/fold_names.h"
#include "spec/text.h"

namespace lathe {
namespace {

// What targets call the layers that take such a config.
constexpr std::string_view kLayerClass = "Linear";

// The description in config.json under its new or its old name, or null.
const ConfigValue* section_of(const ElaborateInputs& inputs) {
  if (!inputs.config) return nullptr;
  for (const char* key : {"quantization_config", "compression_config"}) {
    const ConfigValue* found = find_config(*inputs.config, key);
    if (found != nullptr && std::holds_alternative<ConfigMap>(found->value)) {
      return found;
    }
  }
  return nullptr;
}

// Sets the member at a dotted key; does nothing if the way to it is null.
void set_member(ConfigValue& map, std::string_view key, ConfigValue value) {
  ConfigMap* members = std::get_if<ConfigMap>(&map.value);
  if (members == nullptr) return;
  const size_t dot = key.find('.');
  const std::string_view first = key.substr(0, dot);
  const auto found = std::find_if(
      members->begin(), members->end(),
      [&](const ConfigMember& member) { return member.name == first; });
  if (dot != std::string_view::npos) {
    if (found == members->end()) return;
    return set_member(found->value, key.substr(dot + 1), std::move(value));
  }
  if (found != members->end()) {
    found->value = std::move(value);
  } else {
    members->push_back({std::string(first), std::move(value)});
  }
}

}  // namespace

StoredQuantization::StoredQuantization(const ElaborateInputs& inputs)
    : inputs_(inputs) {
  const ConfigValue* section = section_of(inputs);
  if (section != nullptr) description_ = read_quantization(*section);
  if (inputs.spec->checkpoint) {
    Diagnostics reported_when_binding;
    rules_ = read_load_rules(*inputs.spec->checkpoint, reported_when_binding);
  }
  for (LoadRuleSpec& rule : quantization_load_rules()) {
    rules_.push_back(std::move(rule));
  }
  if (!inputs.checkpoint) return;
  for (const StoredTensor& tensor : inputs.checkpoint->tensors) {
    stored_.emplace(tensor.name, &tensor);
  }
}

const QuantizedGroup* StoredQuantization::group_of(
    std::string_view type) const {
  if (!description_) return nullptr;
  for (const QuantizedGroup& group : description_->groups) {
    if (group.type == type) return &group;
  }
  return nullptr;
}

// The stored tensor that a weight is, or is made of in the first place.
const StoredTensor* StoredQuantization::find(const std::string& weight) const {
  const auto plan = plan_weight(rules_, weight, [&](const std::string& name) {
    return stored_.count(name) > 0;
  });
  if (!plan) return nullptr;
  const WeightPlan* part = &*plan;
  while (!part->parts.empty()) part = &part->parts.front();
  return stored_.at(part->stored);
}

// The layer's name in the checkpoint, which is what patterns are about.
std::string StoredQuantization::module_of(const std::string& path) const {
  std::vector<std::string> suffixes = {"weight"};
  for (const QuantizedGroup& group : description_->groups) {
    suffixes.push_back(group.marker);
  }
  for (const std::string& suffix : suffixes) {
    const StoredTensor* tensor = find(path + "." + suffix);
    if (tensor == nullptr) continue;
    return tensor->name.substr(0, tensor->name.rfind('.'));
  }
  return path;
}

// A group that names the module goes before one that names its class.
const QuantizedGroup* StoredQuantization::target_of(
    const std::string& module) const {
  for (const std::string_view type : {std::string_view(), kLayerClass}) {
    for (const QuantizedGroup& group : description_->groups) {
      const bool all = group.targets.empty() && !type.empty();
      if (all || matches_any(group.targets, module, type)) return &group;
    }
  }
  return nullptr;
}

bool StoredQuantization::is_quantised(const std::string& path,
                                      const QuantizedGroup& group,
                                      bool described) {
  const bool by_default =
      matches_any(description_->ignored_by_default, module_of(path),
                  kLayerClass);
  if (!inputs_.checkpoint) return described && !by_default;
  const bool marked = find(path + "." + group.marker) != nullptr;
  if (marked == described || by_default) return marked;
  // A layer of which the file has nothing is another mistake.
  if (marked) not_described_.push_back(path);
  if (!marked && find(path + ".weight")) not_stored_.push_back(path);
  return marked;
}

ConfigValue StoredQuantization::with_facts(const QuantizedGroup& group,
                                           const std::string& path) const {
  ConfigValue config = group.config;
  for (const StoredFact& fact : group.facts) {
    const StoredTensor* tensor = find(cat({path, ".", fact.tensor}));
    if (tensor == nullptr) continue;
    ConfigValue value;
    value.span = config.span;
    value.value = true;
    if (fact.what == StoredFact::What::kDType) {
      value.value = std::string(to_string(tensor->dtype));
    }
    set_member(config, fact.field, std::move(value));
  }
  return config;
}

std::optional<ConfigValue> StoredQuantization::config_of(
    const std::string& path, std::string_view type) {
  if (!description_) return std::nullopt;
  const std::string module = module_of(path);
  const QuantizedGroup* group = target_of(module);
  const bool described =
      group != nullptr &&
      !matches_any(description_->ignored, module, kLayerClass);
  if (group == nullptr) group = group_of(type);
  if (group == nullptr || group->type != type) return std::nullopt;
  if (!is_quantised(path, *group, described)) return std::nullopt;
  return with_facts(*group, path);
}

std::optional<Diagnostic> StoredQuantization::disagreement() const {
  if (not_stored_.empty() && not_described_.empty()) return std::nullopt;
  Diagnostic diagnostic;
  diagnostic.code = "L0507";
  diagnostic.message =
      cat({"the quantization_config does not fit the checkpoint ",
           inputs_.checkpoint->name});
  diagnostic.span = description_->span;
  add_list(diagnostic, "quantised here, and plain in the checkpoint:",
           fold_names(not_stored_, kListLines));
  add_list(diagnostic, "left out here, and quantised in the checkpoint:",
           fold_names(not_described_, kListLines));
  return diagnostic;
}

std::vector<LoadRuleSpec> quantization_load_rules() {
  std::vector<LoadRuleSpec> rules;
  for (const TensorAlias& alias : quantized_tensor_aliases()) {
    rules.push_back(renaming_rule(cat({"*.", alias.stored}),
                                  cat({"*.", alias.name})));
  }
  return rules;
}

}  // namespace lathe
