#pragma once
// The message about a checkpoint that does not fit a model: both sides,
// repeats folded, and the rule that would make it fit.

#include <string>
#include <vector>

#include "interpreter/graph.h"
#include "spec/diagnostic.h"

namespace lathe {

struct NamedType {
  std::string name;
  TensorType type;
};

struct MismatchedWeight {
  std::string name;
  TensorType declared;
  TensorType loaded;
};

struct WeightReport {
  std::vector<NamedType> missing;  // weights without a tensor
  std::vector<NamedType> unused;   // tensors without a weight
  std::vector<MismatchedWeight> mismatched;
  SourceSpan place;

  bool empty() const {
    return missing.empty() && unused.empty() && mismatched.empty();
  }
};

// The one L0501 that says it all. Requires: not empty.
Diagnostic describe(const WeightReport& report, const std::string& checkpoint);

// "did you mean `a.weight`?", or empty.
std::string did_you_mean_weight(const std::string& path,
                                const std::vector<std::string>& paths);

}  // namespace lathe
