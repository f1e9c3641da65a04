#include "codegen/shared_heads.h"

#include <algorithm>

#include "codegen/rewrite.h"

namespace lathe {
namespace {

// The divisor of some `axis // divisor` in the expression, or 1.
int64_t divisor_of(const Expr& expr, const Var& axis) {
  int64_t divisor = 1;
  walk(expr, [&](const Expr& e) {
    auto* call = std::get_if<Call>(&e->node);
    if (!call || call->op != ScalarOp::kFloorDiv) return true;
    auto* head = std::get_if<VarRef>(&call->args[0]->node);
    auto* by = std::get_if<Literal>(&call->args[1]->node);
    if (head && by && head->var == axis) divisor = std::get<int64_t>(by->value);
    return true;
  });
  return divisor;
}

}  // namespace

int64_t heads_that_share(const std::vector<Expr>& operands, const Var& axis,
                         const Dim& extent, Ranges ranges) {
  const int64_t share = divisor_of(operands.front(), axis);
  if (!extent.is_static() || share <= 1 || extent.value() % share != 0) {
    return 1;
  }
  Var group = make_var("group"), own = make_var("own");
  ranges.add(group, extent.value() / share);
  ranges.add(own, share);
  Substitution head = {{axis.get(), var(group) * share + var(own)}};
  const bool same = std::all_of(
      operands.begin(), operands.end(), [&](const Expr& operand) {
        const Expr split = simplify(substitute(operand, head), ranges);
        return !depends_on(split, own.get());
      });
  return same ? share : 1;
}

}  // namespace lathe
