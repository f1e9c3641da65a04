#pragma once
// The strategy for running sums, products and extremes on a GPU; see strategy.h.

#include "codegen/strategy.h"

namespace lathe::cuda {

bool matches_scan(const Group& group, const Target& target);
LoweredGroup lower_scan(const Group& group, const Target& target);

}  // namespace lathe::cuda
