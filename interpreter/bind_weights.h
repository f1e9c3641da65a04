#pragma once
// Weights and a checkpoint: which stored tensor, or which computation over
// stored tensors, is the weight that a layer reads.

#include "interpreter/elaborate.h"

namespace lathe {

// With a checkpoint header: replaces the declared weights of the graph by
// stored tensors and the ops of the load rules, and adds one L0501 that says
// all that does not fit. Without: applies ties only.
void bind_weights(Model& model, const ElaborateInputs& inputs,
                  Diagnostics& diagnostics);

}  // namespace lathe
