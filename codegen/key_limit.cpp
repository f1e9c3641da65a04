#include "codegen/key_limit.h"

#include <variant>

#include "codegen/rewrite.h"

namespace lathe {
namespace {

// Half of it is still far below every score that means something.
constexpr double kHidden = -1e30;

// The factor with which `expr` grows with m, or with m // c where it does so in
// steps of c (rows that stand for several heads); nothing where it does
// neither.
std::optional<Dim> growth_in(const Expr& expr, const Var& m,
                             const Ranges& ranges) {
  if (auto whole = affine_in(expr, m, ranges)) return whole->stride;
  Var step = make_var("step");
  Rewriter replace([&](const Expr& e) -> Expr {
    auto* divide = call_of(e, ScalarOp::kFloorDiv);
    if (!divide || depends_on(divide->args[1], m.get())) return {};
    auto inner = affine_in(divide->args[0], m, ranges);
    bool rises = inner && provably_at_least(inner->stride, 1);
    return rises ? var(step) : Expr();
  });
  Expr in_steps = replace(expr);
  auto form = affine_in(in_steps, step, ranges);
  if (!form || depends_on(form->base, m.get())) return std::nullopt;
  return form->stride;
}

// Notes between which s `condition` may hold; what stands there already stays.
void note_limits(const Expr& condition, const Var& m, const Var& s,
                 const Ranges& ranges, KeyLimits& limits) {
  if (auto* both = call_of(condition, ScalarOp::kAnd)) {
    for (const Expr& part : both->args) {
      note_limits(part, m, s, ranges, limits);
    }
    return;
  }
  auto* less = call_of(condition, ScalarOp::kLess);
  auto* compare = less ? less : call_of(condition, ScalarOp::kLessEqual);
  if (!compare || compare->args[0]->type != NumType::kInt64) return;
  // a <= b: b - a = base +- s >= 0
  Expr gap = simplify(compare->args[1] - compare->args[0], ranges);
  if (less) gap = gap - 1;
  auto in_s = affine_in(gap, s, ranges);
  if (!in_s) return;
  auto growth = growth_in(in_s->base, m, ranges);
  if (!growth) return;
  if (in_s->stride == -1 && provably_at_least(*growth, 0)) {
    if (!limits.last) limits.last = in_s->base;
  } else if (in_s->stride == 1 && provably_at_least(0, *growth)) {
    if (!limits.first) limits.first = -in_s->base;
  }
}

}  // namespace

std::optional<KeyLimits> find_key_limits(const Expr& score, const Var& m,
                                         const Var& s, const Ranges& ranges) {
  KeyLimits limits;
  // Selects around the score, of which each hides some keys.
  for (Expr rest = score; auto* choice = call_of(rest, ScalarOp::kSelect);
       rest = choice->args[1]) {
    auto* literal = std::get_if<Literal>(&choice->args[2]->node);
    auto* hidden = literal ? std::get_if<double>(&literal->value) : nullptr;
    if (!hidden || !(*hidden <= kHidden)) break;
    if (limits.hidden != 0 && *hidden != limits.hidden) break;
    limits.hidden = *hidden;
    note_limits(choice->args[0], m, s, ranges, limits);
  }
  if (!limits.first && !limits.last) return std::nullopt;
  return limits;
}

}  // namespace lathe
