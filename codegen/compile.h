#pragma once
// Graph in, Program out: a pure function. Equal input, equal text.

#include <string>
#include <vector>

#include "codegen/program.h"
#include "codegen/target.h"
#include "interpreter/graph.h"

namespace lathe {

struct CompileOptions {
  // Only the generic loop nest: no tiled strategies, for tests and doubt.
  bool generic_only = false;
  // Every op of the graph becomes an output (`compare`).
  bool keep_all_values = false;
  // Equal layers share formulas, which are worked on once (formula.h). Without,
  // the program is the same: for tests of that.
  bool share_formulas = true;
};

Program compile(const Graph& graph, const Target& target,
                const CompileOptions& options = {});

}  // namespace lathe
