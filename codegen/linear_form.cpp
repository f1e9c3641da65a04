#include "codegen/linear_form.h"

namespace lathe {
namespace {

// value = (has_x ? factor or 1 : 0) * x + (term or 0)
struct LinearParts {
  bool has_x = false;
  Expr factor, term;
};
using FoundParts = std::optional<LinearParts>;

Expr one() { return float_literal(1, NumType::kFloat32); }

Expr plus(const Expr& a, const Expr& b) {
  if (!a.get() || !b.get()) return a.get() ? a : b;
  return a + b;
}
Expr scaled_term(const Expr& a, const Expr& by) {
  return a.get() ? a * by : Expr();
}

LinearParts scaled(const LinearParts& parts, const Expr& by) {
  LinearParts out = parts;
  if (out.has_x) out.factor = out.factor.get() ? out.factor * by : by;
  out.term = scaled_term(out.term, by);
  return out;
}

LinearParts sum(const LinearParts& a, const LinearParts& b) {
  LinearParts out;
  out.has_x = a.has_x || b.has_x;
  out.term = plus(a.term, b.term);
  if (a.has_x && b.has_x) {
    out.factor = (a.factor.get() ? a.factor : one()) +
                 (b.factor.get() ? b.factor : one());
  } else {
    out.factor = a.has_x ? a.factor : b.factor;
  }
  return out;
}

FoundParts parts_of(const Expr& e, const Var& x) {
  if (!depends_on(e, x.get())) return LinearParts{false, {}, e};
  if (std::holds_alternative<VarRef>(e->node)) return LinearParts{true, {}, {}};
  auto* node = std::get_if<Call>(&e->node);
  if (!node) return std::nullopt;
  FoundParts a = parts_of(node->args[0], x), b = parts_of(node->args.back(), x);
  if (!a || !b) return std::nullopt;
  Expr minus = float_literal(-1, NumType::kFloat32);
  if (node->op == ScalarOp::kAdd) return sum(*a, *b);
  if (node->op == ScalarOp::kSub) return sum(*a, scaled(*b, minus));
  if (node->op == ScalarOp::kNeg) return scaled(*a, minus);
  if (node->op == ScalarOp::kMul && !b->has_x) {
    return scaled(*a, node->args[1]);
  }
  if (node->op == ScalarOp::kMul && !a->has_x) {
    return scaled(*b, node->args[0]);
  }
  if (node->op == ScalarOp::kDiv && !b->has_x) {
    return scaled(*a, one() / node->args[1]);
  }
  return std::nullopt;
}

}  // namespace

std::optional<LinearForm> linear_in(const Expr& expr, const Var& x) {
  FoundParts parts = parts_of(expr, x);
  if (!parts || !parts->has_x) return std::nullopt;
  LinearForm form{parts->factor, parts->term};
  // A term that is the number 0 is none.
  auto* number = form.term.get()
                     ? std::get_if<Literal>(&form.term->node)
                     : nullptr;
  if (number && std::get<double>(number->value) == 0) form.term = {};
  return form;
}

}  // namespace lathe
