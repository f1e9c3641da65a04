#pragma once
// Loop IR as C++17 text for the CPU. Prints only: everything has been decided
// by strategies and passes.

#include <string>

#include "codegen/loop_ir.h"

namespace lathe::cpu {

// The function `name` for the kernel; needs the prelude before it.
std::string render_kernel(const LoopKernel& kernel, const std::string& name);

}  // namespace lathe::cpu
