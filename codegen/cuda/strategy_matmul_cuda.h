#pragma once
// The strategy for sums of products on a GPU; see strategy.h.

#include "codegen/strategy.h"

namespace lathe::cuda {

bool matches_matmul(const Group& group, const Target& target);
LoweredGroup lower_matmul(const Group& group, const Target& target);

}  // namespace lathe::cuda
