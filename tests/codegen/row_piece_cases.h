#pragma once
// Models whose few rows are long enough to be cut into pieces, and nearly so:
// for the kernels of the CPU and, in the emulator, for those of GPUs.

#include <vector>

#include "tests/codegen/model_check.h"

namespace lathe {

// Rows of known length and of symbolic, which are cut from `least` elements on
// into pieces of `piece`.
std::vector<ModelCase> row_piece_cases(int64_t least, int64_t piece);

}  // namespace lathe
