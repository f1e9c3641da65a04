#pragma once
// The kernels of a program as a device compiles them.

#include <vector>

#include "codegen/program.h"
#include "runtime/device.h"

namespace lathe {

// In the order of program.kernels, with the place of the first step that runs
// each. `sizes`: of the first run, where they are known; kernels that it has no
// use for may rest.
std::vector<KernelSource> kernel_sources(const Program& program,
                                         const DimBindings& sizes = {});

}  // namespace lathe
