#pragma once
// Loop IR as CUDA C++ text. Prints only: the strategy has decided which
// threads do what. No text of a kernel holds `asm` or a CUDA builtin; both
// stand in the device header.
//
//   NAME(buffers, dims, i64 items, Args a)
//
// A launch of any number of blocks does all items.

#include <string>

#include "codegen/loop_ir.h"
#include "codegen/program.h"

namespace lathe::cuda {

// The kernel `name`; needs the device header before it.
std::string render_kernel(const LoopKernel& kernel, const std::string& name);

// Threads and shared memory of a block.
KernelLaunch launch_of(const LoopKernel& kernel);

}  // namespace lathe::cuda
