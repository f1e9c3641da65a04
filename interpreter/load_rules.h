#pragma once
// `checkpoint: {load: [...]}`: how weights are made of stored tensors.
//
//   {rename: "bert.*", to: "*"}
//   {transpose: "h.*.c_fc.weight", to: "h.*.c_fc.weight"}
//   {permute: a, to: b, axes: [1, 0, 2]}
//   {concatenate: [q, k, v], to: qkv, axis: 0}
//   {stack: "experts.{e}.w1", to: "experts.w1", axis: 0}
//   {split: qkv, to: [q, k, v], axis: 0}
//
// The verbs, and the ops that do them, are one table in load_rules.cpp.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/elaborate.h"
#include "interpreter/name_pattern.h"

namespace lathe {

// What a verb does with the sources. kSelect takes one of several targets out
// of one source.
enum class LoadShape : uint8_t { kOne, kMany, kSelect };

struct LoadVerb {
  std::string_view name;
  LoadShape shape;
  std::string_view op;      // empty: the source as it is
  bool takes_axis = false;
  bool takes_axes = false;
};

const std::vector<LoadVerb>& load_verbs();
// The verbs that messages propose: a new name, the last axes swapped, several
// tensors joined along an axis or a new one, and one cut into several.
std::string_view renaming_verb();
std::string_view transposing_verb();
std::string_view concatenating_verb();
std::string_view stacking_verb();
std::string_view splitting_verb();
// The op that converts a stored tensor to the declared dtype.
std::string_view conversion_op();
// The op that adds and drops axes of size 1.
std::string_view reshaping_op();

// A rule, read and checked by itself.
struct LoadRuleSpec {
  const LoadVerb* verb = nullptr;
  std::vector<std::string> from;  // patterns
  std::vector<std::string> to;
  int64_t axis = 0;
  std::vector<int64_t> axes;
  std::vector<int64_t> sizes;  // of split; empty: those of the targets
  SourceSpan span;
};

// Reads the rules of a checkpoint section; adds L0502 for those it cannot.
std::vector<LoadRuleSpec> read_load_rules(const CheckpointDecl& checkpoint,
                                          Diagnostics& diagnostics);

// The rule that gives tensors another name.
LoadRuleSpec renaming_rule(std::string from, std::string to);

// How one weight is made: the stored tensors, then what is done with them.
struct WeightPlan {
  const LoadRuleSpec* rule = nullptr;  // null: the tensor of its own name
  std::vector<WeightPlan> parts;       // sources, themselves made by rules
  std::string stored;                  // no parts: this tensor
  size_t target = 0;                   // of split: which of `to`
  Captures captures;
};

// The tensors of a checkpoint by name.
using HasTensor = std::function<bool(const std::string&)>;

// The plan for a weight, or nothing if the checkpoint has no tensors for it.
// Rules are tried in order, then the weight's own name.
std::optional<WeightPlan> plan_weight(const std::vector<LoadRuleSpec>& rules,
                                      const std::string& path,
                                      const HasTensor& has);

// Which part of a source of this shape the target of a split is, along the
// rule's axis. Parts are as large as the rule says, as the model declares
// them, or equal. L0502 if they do not make up the source. Requires: a plan
// whose rule is a split.
std::pair<Dim, Dim> split_range(const WeightPlan& plan, const Shape& source,
                                const std::vector<GraphWeight>& weights);

// The names that `rename` rules give a stored tensor, itself first.
std::vector<std::string> names_of_tensor(
    const std::vector<LoadRuleSpec>& rules, const std::string& tensor);

}  // namespace lathe
