#pragma once
// `checkpoint: {tie: {lm_head.weight: embed.weight}}`: weights of a model that
// are the same data.

#include <map>
#include <string>

#include "interpreter/graph.h"
#include "spec/ast.h"
#include "spec/diagnostic.h"

namespace lathe {

// Path of the weight without storage, and of its source.
using Ties = std::map<std::string, std::string>;

// Adds L0503 for paths that are no weights of the graph, and for weights that
// cannot be one tensor.
Ties read_ties(const CheckpointDecl& checkpoint, const Graph& graph,
               Diagnostics& diagnostics);

}  // namespace lathe
