#include "codegen/left_cut.h"

#include "codegen/integer_range.h"
#include "codegen/linear_form.h"
#include "codegen/row_of_depth.h"

namespace lathe {
namespace {

// The integer that is converted, if `e` makes one that depends on k a float.
Expr converted(const Expr& e, const Var& k) {
  auto* node = std::get_if<Cast>(&e->node);
  bool converts = node && e->type == NumType::kFloat32 &&
                  node->arg->type == NumType::kInt64;
  return converts && depends_on(node->arg, k.get()) ? node->arg : Expr();
}

// The only integer behind the expression; empty if there are several, or none.
Expr only_code(const Expr& left, const Var& k) {
  Expr code;
  bool several = false;
  walk(left, [&](const Expr& e) {
    Expr found = converted(e, k);
    if (!found.get()) return true;
    several = several || (code.get() && to_string(code) != to_string(found));
    code = found;
    return false;
  });
  return several ? Expr() : code;
}

}  // namespace

std::optional<LeftCut> cut_left(const MatmulForm& form, const Group& group) {
  if (form.type != NumType::kFloat32) return std::nullopt;
  Expr code = only_code(form.left, form.k);
  if (!code.get()) return std::nullopt;
  Ranges ranges;
  ranges.add(form.b, form.batch);
  ranges.add(form.m, form.rows);
  ranges.add(form.k, form.depth);
  std::optional<IntegerRange> range = range_of(code, ranges);
  if (!range || range->low < -128 || range->high > 127) return std::nullopt;
  Var name = make_var("code", NumType::kFloat32);
  Rewriter rewrite([&](const Expr& e) {
    return converted(e, form.k).get() ? var(name) : Expr();
  });
  std::optional<LinearForm> linear = linear_in(rewrite(form.left), name);
  if (!linear || linear->term.get()) return std::nullopt;
  LeftCut cut{code, linear->factor, 0};
  if (!cut.factor.get()) return cut;
  RowOfDepth rows = row_of_depth(cut.factor, form, group, make_var("row"),
                                 kLeastGroup, ranges);
  if (rows.group == 1 || rows.gather.get()) return std::nullopt;
  cut.group = rows.group;
  return cut;
}

}  // namespace lathe
