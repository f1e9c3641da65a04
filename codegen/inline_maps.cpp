#include "codegen/passes.h"
#include "codegen/simplify.h"

namespace lathe {

StageGraph inline_maps(StageGraph graph) {
  for (Array& array : graph.arrays) {
    Ranges ranges;
    ranges.add(array.axes, array.shape);
    std::vector<Expr> exprs = expressions_of(array.kind);
    if (!std::holds_alternative<Compute>(array.kind)) continue;
    for (Expr& expr : exprs) expr = simplify(expr, ranges);
    array.kind = with_expressions(array.kind, std::move(exprs));
  }
  return graph;
}

}  // namespace lathe
