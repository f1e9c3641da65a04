#pragma once
// Models whose kernels cover what the strategies for GPUs do. They run in the
// emulator here, and where there is a GPU on that.

#include <vector>

#include "tests/codegen/model_check.h"

namespace lathe {

const std::vector<ModelCase>& gpu_model_cases();

}  // namespace lathe
