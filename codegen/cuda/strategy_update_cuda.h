#pragma once
// The strategy for ordered updates (scatter) on a GPU; see strategy.h.

#include "codegen/strategy.h"

namespace lathe::cuda {

bool matches_update(const Group& group, const Target& target);
LoweredGroup lower_update(const Group& group, const Target& target);

}  // namespace lathe::cuda
