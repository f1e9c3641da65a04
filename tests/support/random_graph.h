#pragma once
// Random graphs of registered ops, and the smallest part of one that still
// fails a test.

#include <functional>

#include "tests/support/op_samples.h"

namespace lathe {

// A graph of `steps` ops over tensors of small sizes, one of them symbolic
// (B, at least 3). All its values that nobody reads are outputs. The same
// seed gives the same graph.
OpSample random_graph(uint64_t seed, int steps);

// A part of `sample` that fails, too: with one output, the earliest that
// fails, and with ops replaced by inputs as long as it fails.
// Requires: fails(sample).
OpSample shrink(const OpSample& sample,
                const std::function<bool(const OpSample&)>& fails);

// Values for B to run a random graph with.
std::vector<DimBindings> random_graph_bindings();

}  // namespace lathe
