#pragma once
// Models whose rows lie side by side in memory, and models that join tensors:
// for the kernels of the CPU and, in the emulator, for those of GPUs.

#include <vector>

#include "tests/codegen/model_check.h"

namespace lathe {

const std::vector<ModelCase>& column_cases();

}  // namespace lathe
