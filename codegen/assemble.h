#pragma once
// From a schedule to the buffers, kernels and steps of a Program.

#include "codegen/compile.h"
#include "codegen/passes.h"

namespace lathe {

// Lowers every cluster by its cheapest strategy (equal groups once), makes
// packed operands load steps, and finds the lifetimes of temporaries.
Program assemble(const Graph& graph, const Schedule& schedule,
                 const Target& target, const CompileOptions& options);

}  // namespace lathe
