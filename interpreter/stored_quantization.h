#pragma once
// Which layers of a checkpoint are quantised, and how: for each layer what its
// `quantization_config` says and what the file holds, brought together. Where
// the two contradict each other, the layer is noted for one message at the end.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/elaborate.h"
#include "interpreter/load_rules.h"
#include "interpreter/quantization_dialects.h"

namespace lathe {

class StoredQuantization {
 public:
  // Reads the description that stands beside the weights, if there is one.
  // Throws SpecError L0508 if it cannot be read. Keeps `inputs`.
  explicit StoredQuantization(const ElaborateInputs& inputs);

  // The first group that a struct of this type describes, or null.
  const QuantizedGroup* group_of(std::string_view type) const;

  // The fields of the struct for the layer at `path`; nothing if it is not
  // quantised that way.
  std::optional<ConfigValue> config_of(const std::string& path,
                                       std::string_view type);

  // The L0507 about all layers that were asked for, if there is one.
  std::optional<Diagnostic> disagreement() const;

 private:
  const StoredTensor* find(const std::string& weight) const;
  std::string module_of(const std::string& path) const;
  const QuantizedGroup* target_of(const std::string& module) const;
  bool is_quantised(const std::string& path, const QuantizedGroup& group,
                    bool described);
  ConfigValue with_facts(const QuantizedGroup& group,
                         const std::string& path) const;

  const ElaborateInputs& inputs_;
  std::optional<QuantizationDescription> description_;
  std::vector<LoadRuleSpec> rules_;
  std::map<std::string, const StoredTensor*> stored_;
  std::vector<std::string> not_stored_;     // described only
  std::vector<std::string> not_described_;  // stored only
};

// The rules that bring stored names of quantised layers to those of weights.
std::vector<LoadRuleSpec> quantization_load_rules();

}  // namespace lathe
