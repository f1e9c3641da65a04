#pragma once
// Loop IR as text in the dialect of a target.

#include <string>

#include "codegen/loop_ir.h"
#include "codegen/target.h"

namespace lathe {

// The function `name` for the kernel; needs render_prelude(target) before it.
std::string render_kernel(const LoopKernel& kernel, const std::string& name,
                          const Target& target);

}  // namespace lathe
