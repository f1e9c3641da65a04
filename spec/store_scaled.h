#pragma once
// Many numbers into memory at once.

#include <span>

#include "spec/dtype.h"

namespace lathe {

// store_scalar() of offset + factor * value for each value, one behind the
// other from `to` on: computed in float64, rounded once. In narrow floats some
// ten times as fast. Requires: one value a block.
void store_scaled(DType dtype, void* to, std::span<const float> values,
                  double factor, double offset);

}  // namespace lathe
