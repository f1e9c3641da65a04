#pragma once
// The version of the calling convention between a kernel and the runtime.

namespace lathe {

// Part of every cache key: changes when the kernel ABI does.
int kernel_abi_version();

}  // namespace lathe
