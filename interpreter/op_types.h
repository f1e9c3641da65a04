#pragma once
// The rules of dtypes and shapes that all ops share: promotion of two tensors,
// numbers beside tensors, classes of dtypes, broadcasting.

#include <optional>
#include <string_view>

#include "spec/dim.h"
#include "spec/dtype.h"

namespace lathe {

// True if every value of `from` is a value of `to`.
bool converts_exactly(DType from, DType to);

// The dtype in which tensors of dtypes a and b meet: the higher of the two
// (bool < int < float, then width) if both convert to it without loss;
// float16 for pairs of narrow types of which one is a float8; else nothing.
std::optional<DType> promote_dtypes(DType a, DType b);

// Whether `dtype` belongs to a class of signatures: any, number (int or
// float), float, int, bool, or the name of one dtype.
bool in_dtype_class(DType dtype, std::string_view dtype_class);

// How two sizes of one broadcast axis go together.
struct BroadcastDim {
  bool fits = true;
  Dim size;
  bool assumed = false;  // they are only equal for some sizes of symbols
};
BroadcastDim broadcast_dims(const Dim& a, const Dim& b);

}  // namespace lathe
