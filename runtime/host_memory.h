#pragma once
// Blocks of host memory: 64-byte aligned, large ones on huge pages and only
// given when the machine has them free.

#include "runtime/device.h"
#include "spec/dtype.h"

namespace lathe {

// Throws DeviceError L0702 when memory is short, before the system has to end
// processes.
std::unique_ptr<Memory> allocate_host(int64_t bytes);

// True if kernels may read elements of this type here: each element aligned.
// Files hold tensors at any offset.
bool is_aligned_for(DType dtype, const void* address);

}  // namespace lathe
