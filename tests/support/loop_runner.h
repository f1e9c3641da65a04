#pragma once
// Runs a graph as codegen schedules and lowers it, by interpreting the loops
// of every kernel: for any target, without a compiler.

#include <string>
#include <vector>

#include "codegen/compile.h"
#include "interpreter/evaluate.h"

namespace lathe {

// The graph's outputs. Throws InternalError when a kernel's loops break a rule
// of LoopInterpreter.
std::vector<Tensor> run_loops(const Graph& graph, const Target& target,
                              const EvaluateInputs& inputs);

}  // namespace lathe
