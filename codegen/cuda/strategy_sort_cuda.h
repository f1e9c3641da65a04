#pragma once
// The strategy for sorts and top-k on a GPU; see strategy.h.

#include "codegen/strategy.h"

namespace lathe::cuda {

bool matches_sort(const Group& group, const Target& target);
LoweredGroup lower_sort(const Group& group, const Target& target);

}  // namespace lathe::cuda
