#pragma once
// Sizes that a launch computes. What a kernel says of its symbols with
// divisions, minima or maxima costs every thread of a GPU the same
// instructions, and its compiler more than the rest of a small kernel; so the
// host works it out, once for a binding of the sizes, and hands it over.

#include "codegen/loop_ir.h"

namespace lathe {

// Replaces them by symbols size0, size1, ... and says in kernel.sizes what each
// is.
void move_sizes_to_arguments(LoopKernel& kernel);

}  // namespace lathe
