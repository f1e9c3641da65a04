#pragma once
// What a Hugging Face checkpoint is as a GGUF file: names, metadata, and the
// order of rows. Names and keys are those that the library's spec of the model
// reads from such a file, taken the other way round.

#include <string>
#include <vector>

#include "interpreter/config_value.h"
#include "interpreter/load_rules.h"
#include "interpreter/tensor.h"
#include "runtime/named_tensor.h"

namespace lathe {

class GgufModel {
 public:
  // Reads `folder`/config.json. Throws SpecError L0520 if it is no model's
  // folder, and L0530 if the model has no form in GGUF.
  explicit GgufModel(const std::string& folder);

  // True for a tensor that the model has no use for.
  bool drops(const std::string& tensor) const;

  // The name in the file. Throws SpecError L0530 if there is none.
  std::string name_of(const std::string& tensor) const;

  // "general.architecture", "llama.block_count", ...
  const ConfigMap& metadata() const { return metadata_; }

  // Tensors that only the file has: divisors of rotary frequencies.
  const std::vector<NamedTensor>& extra() const { return extra_; }

  // A tensor of the checkpoint as the file has it: the rows of llama's queries
  // and keys hold neighbouring pairs there, not halves; gemma2's norms are
  // one more.
  Tensor arranged(const std::string& name, const Tensor& stored) const;

 private:
  void read_metadata(const SpecFile& spec, const ConfigValue& config);
  void check_gemma2(const ConfigValue& config) const;
  void read_scaling(const ConfigValue& config);
  void add_factors(const ConfigValue& scaling);
  void add(const std::string& key, ConfigValue value);
  int64_t integer(const std::string& key, int64_t fallback) const;
  double real(const std::string& key, double fallback) const;

  std::string architecture_;
  std::vector<LoadRuleSpec> rules_;
  std::vector<std::string> ignored_;  // patterns
  ConfigMap metadata_;
  std::vector<NamedTensor> extra_;
};

}  // namespace lathe
