#pragma once
// Tensor maps, with which a kernel's copy unit finds tiles in memory.

#include <span>
#include <string>

#include "codegen/tensor_view.h"
#include "runtime/cuda/driver.h"

namespace lathe::cuda {

// The map of a view into the buffer at `address`, for a launch's dim
// arguments. `place` as in Driver::check; throws DeviceError L0703 for what the
// driver refuses.
CUtensorMap tensor_map(const Driver& driver, const TensorView& view,
                       std::span<const int64_t> dims, CUdeviceptr address,
                       const std::string& place);

}  // namespace lathe::cuda
