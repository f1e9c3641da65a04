#pragma once
// Products of all kinds of weights, for kernels of a GPU.

#include <vector>

#include "tests/codegen/model_check.h"

namespace lathe {

// Weights as they are stored: plain, float8 with scales of every granularity,
// codes in groups, blocks of GGUF. `x` is the dtype of the other side; it has
// `rows` rows, or a size M with the values of `sizes`.
std::vector<ModelCase> stored_weight_cases(
    const std::string& x, const std::string& rows,
    const std::vector<int64_t>& sizes = {0});

}  // namespace lathe
