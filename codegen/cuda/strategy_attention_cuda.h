#pragma once
// The strategy for attention on a GPU; see strategy.h.

#include "codegen/strategy.h"

namespace lathe::cuda {

bool matches_attention(const Group& group, const Target& target);
LoweredGroup lower_attention(const Group& group, const Target& target);

}  // namespace lathe::cuda
