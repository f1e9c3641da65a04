#pragma once
// The strategy for a row group and the product that reads it, on a GPU; see
// strategy.h.

#include "codegen/strategy.h"

namespace lathe::cuda {

bool matches_prologue(const Group& group, const Target& target);
LoweredGroup lower_prologue(const Group& group, const Target& target);

}  // namespace lathe::cuda
