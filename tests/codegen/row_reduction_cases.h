#pragma once
// Models with reductions over other axes than the last one, over several, and
// beside each other: for the kernels of the CPU and, in the emulator, for those
// of GPUs.

#include <vector>

#include "tests/codegen/model_check.h"

namespace lathe {

const std::vector<ModelCase>& row_reduction_cases();

}  // namespace lathe
