#pragma once
// The message about a checkpoint that does not fit a model: both sides,
// repeats folded, and the rule that would make it fit.

#include <string>
#include <vector>

#include "interpreter/elaborate.h"
#include "spec/diagnostic.h"

namespace lathe {

struct NamedType {
  std::string name;
  TensorType type;
  std::string foreign = {};  // of a tensor: see StoredTensor
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
  std::vector<StoredTensor> foreign;  // used, but of types that lathe lacks
  SourceSpan place;

  bool fits() const {
    return missing.empty() && unused.empty() && mismatched.empty();
  }
  bool empty() const { return fits() && foreign.empty(); }
};

// One L0501 that says all about names, shapes and dtypes, one L0517 about
// tensors that lathe cannot read. Requires: not empty.
std::vector<Diagnostic> describe(const WeightReport& report,
                                 const std::string& checkpoint);

// "did you mean `a.weight`?", or empty.
std::string did_you_mean_weight(const std::string& path,
                                const std::vector<std::string>& paths);

}  // namespace lathe
