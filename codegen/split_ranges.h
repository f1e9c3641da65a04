#pragma once
// A loop whose points choose by their index, as those of a concatenation do,
// becomes a loop for each range in which the choice is one: no select is left
// inside, and the loops vectorise.

#include <vector>

#include "codegen/point_ops.h"
#include "codegen/simplify.h"

namespace lathe {

// for (v = begin; v < end; ++v) ops, in as many loops of kind kVector as there
// are ranges; one loop where selects do not go by ranges of v, or by too many.
// `ranges` knows v and the variables around the loop.
Stmt loop_in_ranges(const std::vector<PointOp>& ops, const Var& v,
                    const Expr& begin, const Expr& end, const Ranges& ranges);

}  // namespace lathe
