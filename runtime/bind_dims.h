#pragma once
// From the tensors a model is given to the numbers its symbolic sizes have.

#include <map>
#include <string>
#include <vector>

#include "runtime/executable.h"

namespace lathe {

// Values of all symbols that the shapes of the given inputs show, and of
// those in `given`. Throws SpecError L0402 where a shape contradicts the
// declaration or another input, naming both.
DimBindings bind_dims(const std::vector<InputInfo>& inputs,
                      const std::map<std::string, Tensor>& tensors,
                      const DimBindings& given);

// Throws SpecError L0402 unless every symbol of the model has a value.
void require_bound(const std::vector<std::string>& symbols,
                   const std::vector<InputInfo>& inputs,
                   const DimBindings& dims);

// Throws the first constraint's own error that these values break.
void check_constraints(const std::vector<DimConstraint>& constraints,
                       const DimBindings& dims);

}  // namespace lathe
