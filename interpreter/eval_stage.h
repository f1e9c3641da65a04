#pragma once
// One stage of a definition in the reference engine.

#include <string>
#include <vector>

#include "interpreter/definition.h"
#include "interpreter/tensor.h"
#include "spec/source.h"

namespace lathe {

// What errors of a stage name.
struct StageSite {
  const std::string& op;
  const SourceSpan& span;
  bool writes_at_indices = false;  // what an index out of range is
};

// The stage's value. `slots` are the operands and the earlier stages.
Tensor evaluate_stage(const Stage& stage, const std::vector<Tensor>& slots,
                      const DimBindings& dims, const StageSite& site);

}  // namespace lathe
