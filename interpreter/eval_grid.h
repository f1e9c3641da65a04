#pragma once
// Evaluates expressions over all points of a grid of variables, in blocks of
// lanes, on several threads where there is much to do.

#include <functional>
#include <memory>
#include <vector>

#include "interpreter/eval_code.h"
#include "interpreter/eval_lanes.h"
#include "interpreter/eval_stage.h"

namespace lathe {

// Points of the grid in row-major order: the variables and their extents.
struct EvalGrid {
  std::vector<EvalAxis> axes;

  int64_t size() const;
};

// Values of the expressions at points [begin, begin + count).
using GridSink = std::function<void(
    int64_t begin, int count, const std::vector<const void*>& columns)>;

// Calls `sink` for every block of the grid, from any thread, each block once.
// Throws SpecError L0801 for the first index out of range.
void evaluate_grid(const EvalGrid& grid, const std::vector<EvalNode>& nodes,
                   const EvalCompiler& compiler,
                   const std::vector<Tensor>& slots, const StageSite& site,
                   const GridSink& sink);

}  // namespace lathe
