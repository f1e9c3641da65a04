#pragma once
// Tensors written in a spec as nested lists, `[[1, 2], [3, nan]]`.

#include "interpreter/tensor.h"
#include "spec/yaml.h"

namespace lathe {

// The tensor that `node` spells, as `dtype`. Throws SpecError with the place
// of a value that does not fit.
Tensor tensor_from_yaml(const YamlNode& node, DType dtype);

}  // namespace lathe
