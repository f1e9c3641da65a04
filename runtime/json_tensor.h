#pragma once
// Tensors as nested JSON lists: `[[1, 2, 3]]`.

#include <optional>
#include <string>
#include <vector>

#include "interpreter/tensor.h"
#include "runtime/json.h"
#include "runtime/named_tensor.h"
#include "spec/dtype.h"

namespace lathe {

// The tensor that nested lists spell. Numbers take `dtype`: integers may
// become floats, a fraction may not become an integer, an integer must be in
// range; "NaN", "Infinity" and "-Infinity" are floats. Throws SpecError L0404
// for such values and L0514 for ragged lists, with their places in `source`.
Tensor tensor_from_json(const JsonValue& value, DType dtype,
                        const SourceRef& source);

// The type that the numbers have by themselves: bool, int64 or float32.
DType natural_dtype(const JsonValue& value);

// Nested lists; a number for a scalar.
JsonValue tensor_to_json(const Tensor& tensor);

// An object with one member a tensor, whole or not at all. Throws SpecError
// L0512.
void write_json_tensors(const std::string& path,
                        const std::vector<NamedTensor>& tensors);

}  // namespace lathe
