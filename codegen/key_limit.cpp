#include "codegen/key_limit.h"

#include <variant>

namespace lathe {
namespace {

// Half of it is still far below every score that means something.
constexpr double kHidden = -1e30;

const Call* call_of(const Expr& expr, ScalarOp op) {
  auto* call = std::get_if<Call>(&expr->node);
  return call && call->op == op ? call : nullptr;
}

// The s up to which `condition` may hold.
std::optional<Expr> last_of(const Expr& condition, const Var& m, const Var& s,
                            const Ranges& ranges) {
  if (auto* both = call_of(condition, ScalarOp::kAnd)) {
    auto left = last_of(both->args[0], m, s, ranges);
    return left ? left : last_of(both->args[1], m, s, ranges);
  }
  auto* less = call_of(condition, ScalarOp::kLess);
  auto* compare = less ? less : call_of(condition, ScalarOp::kLessEqual);
  if (!compare || compare->args[0]->type != NumType::kInt64) {
    return std::nullopt;
  }
  // a <= b: b - a = base - s >= 0
  Expr gap = simplify(compare->args[1] - compare->args[0], ranges);
  auto in_s = affine_in(gap, s, ranges);
  if (!in_s || !(in_s->stride == -1)) return std::nullopt;
  auto in_m = affine_in(in_s->base, m, ranges);
  if (!in_m || !provably_at_least(in_m->stride, 0)) return std::nullopt;
  return less ? in_s->base - 1 : in_s->base;
}

}  // namespace

std::optional<KeyLimit> find_key_limit(const Expr& score, const Var& m,
                                       const Var& s, const Ranges& ranges) {
  auto* choice = call_of(score, ScalarOp::kSelect);
  if (!choice) return std::nullopt;
  auto* literal = std::get_if<Literal>(&choice->args[2]->node);
  auto* hidden = literal ? std::get_if<double>(&literal->value) : nullptr;
  if (!hidden || !(*hidden <= kHidden)) return std::nullopt;
  if (auto last = last_of(choice->args[0], m, s, ranges)) {
    return KeyLimit{*last, *hidden};
  }
  auto inner = find_key_limit(choice->args[1], m, s, ranges);
  if (!inner || inner->hidden != *hidden) return std::nullopt;
  return inner;
}

}  // namespace lathe
