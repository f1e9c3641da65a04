#pragma once
// Libraries of CUDA that `doctor` looks for beside driver and compiler. It asks
// them for their versions alone, so this wants none of their headers.

#include "runtime/finding.h"
#include "runtime/options.h"

namespace lathe {

// NVIDIA's matrix products.
Finding blas_lt_finding(const Options& options);

// Sums and the like between GPUs.
Finding nccl_finding(const Options& options);

}  // namespace lathe
