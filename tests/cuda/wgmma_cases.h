#pragma once
// Products that sm_90a's own kernels take, with many rows.

#include <vector>

#include "tests/codegen/model_check.h"

namespace lathe {

std::vector<ModelCase> wgmma_cases();

}  // namespace lathe
