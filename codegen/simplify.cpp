#include "codegen/simplify.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "codegen/index_algebra.h"
#include "codegen/rewrite.h"

namespace lathe {
namespace {

class Simplifier {
 public:
  Simplifier(const Ranges& ranges, const Expr& whole)
      : algebra_(ranges), checks_(contains<CheckedIndex>(whole)) {}

  Expr visit(const Expr& expr) {
    auto found = done_.find(expr.get());
    if (found != done_.end()) return found->second.second;
    Expr result = visit_new(expr);
    if (!keeps_checks(expr, result)) result = visit_children(expr);
    // Holds `expr` too: its address must not be used again.
    done_.emplace(expr.get(), std::pair(expr, result));
    return result;
  }

  Poly poly(const Expr& expr);
  IndexAlgebra& algebra() { return algebra_; }
  // Whether `result` still makes the index checks of `expr`, of which it is
  // the simpler form. An index may turn out to have no influence; that it is
  // out of range must be reported all the same.
  bool keeps_checks(const Expr& expr, const Expr& result);

 private:
  Expr visit_new(const Expr& expr);
  Expr visit_children(const Expr& expr);
  Expr visit_call(const Expr& expr, const Call& call);
  Expr visit_reduce(const Expr& expr, const Reduce& reduce);
  Expr visit_checked(const Expr& expr);
  std::optional<Poly> arithmetic(const Call& call);
  // The truth of a < b (or a <= b) where the bounds decide it.
  std::optional<bool> less(const Expr& a, const Expr& b, bool or_equal);

  IndexAlgebra algebra_;
  bool checks_;  // whether there are any
  std::unordered_map<const ExprNode*, std::pair<Expr, Expr>> done_;
};

bool Simplifier::keeps_checks(const Expr& expr, const Expr& result) {
  if (!checks_ || expr.get() == result.get()) return true;
  if (std::holds_alternative<CheckedIndex>(expr->node)) return true;
  for (const Expr& check : checks_of(expr)) {
    Expr simple = visit(check);
    bool checks = std::holds_alternative<CheckedIndex>(simple->node);
    if (checks && !makes_check(result, simple)) return false;
  }
  return true;
}

bool is_integer_call(const Expr& expr) {
  auto* call = std::get_if<Call>(&expr->node);
  if (!call || expr->type != NumType::kInt64 || expr->lanes != 1) return false;
  return call->op == ScalarOp::kAdd || call->op == ScalarOp::kSub ||
         call->op == ScalarOp::kMul || call->op == ScalarOp::kNeg ||
         call->op == ScalarOp::kFloorDiv || call->op == ScalarOp::kMod;
}

Poly Simplifier::poly(const Expr& expr) {
  if (auto* literal = std::get_if<Literal>(&expr->node)) {
    return Poly(Dim(std::get<int64_t>(literal->value)));
  }
  if (auto* size = std::get_if<SizeOf>(&expr->node)) return Poly(size->dim);
  if (auto* ref = std::get_if<VarRef>(&expr->node)) {
    return algebra_.variable(ref->var);
  }
  if (is_integer_call(expr)) {
    if (auto p = arithmetic(std::get<Call>(expr->node))) return *p;
    return algebra_.atom(visit_children(expr));
  }
  Expr simple = visit(expr);
  if (simple.get() != expr.get()) return poly(simple);
  return algebra_.atom(simple);
}

std::optional<Poly> Simplifier::arithmetic(const Call& call) {
  Poly a = poly(call.args[0]);
  if (call.op == ScalarOp::kNeg) return a * Dim(-1);
  Poly b = poly(call.args[1]);
  if (call.op == ScalarOp::kAdd) return a + b;
  if (call.op == ScalarOp::kSub) return a + b * Dim(-1);
  if (call.op == ScalarOp::kMul) return algebra_.multiply(a, b);
  // Division by a size: it is at least 1 wherever there is an element.
  if (!b.is_constant() || !provably_at_least(b.constant(), 0) ||
      b.constant() == 0) {
    return std::nullopt;
  }
  Dim d = b.constant();
  Poly quotient = algebra_.floor_div(a, d);
  if (call.op == ScalarOp::kFloorDiv) return quotient;
  return a + quotient * (Dim(0) - d);
}

Expr Simplifier::visit_new(const Expr& expr) {
  bool integer = expr->type == NumType::kInt64 && expr->lanes == 1;
  try {
    if (is_integer_call(expr) ||
        (integer && std::holds_alternative<VarRef>(expr->node))) {
      Expr rebuilt = algebra_.rebuild(poly(expr));
      return same_expr(rebuilt, expr) ? expr : rebuilt;
    }
    if (auto* call = std::get_if<Call>(&expr->node)) {
      return visit_call(expr, *call);
    }
    if (auto* node = std::get_if<Reduce>(&expr->node)) {
      return visit_reduce(expr, *node);
    }
    if (std::holds_alternative<CheckedIndex>(expr->node)) {
      return visit_checked(expr);
    }
  } catch (const DimError&) {
    // Constants near the ends of int64: data arithmetic, which wraps.
  }
  return visit_children(expr);
}

Expr Simplifier::visit_children(const Expr& expr) {
  std::vector<Expr> children = children_of(expr);
  bool changed = false;
  for (Expr& child : children) {
    Expr next = visit(child);
    changed |= next.get() != child.get();
    child = next;
  }
  return changed ? with_children(expr, std::move(children)) : expr;
}

std::optional<bool> Simplifier::less(const Expr& a, const Expr& b,
                                     bool or_equal) {
  Bounds gap = algebra_.bounds(poly(b) + poly(a) * Dim(-1));
  int64_t least = or_equal ? 0 : 1;
  if (gap.low && provably_at_least(*gap.low, least)) return true;
  if (gap.high && provably_less(*gap.high, least)) return false;
  return std::nullopt;
}

Expr Simplifier::visit_call(const Expr& expr, const Call& node) {
  if (node.op == ScalarOp::kSelect) {
    Expr condition = visit(node.args[0]);
    if (auto* literal = std::get_if<Literal>(&condition->node)) {
      return visit(node.args[std::get<bool>(literal->value) ? 1 : 2]);
    }
    return visit_children(expr);
  }
  bool integers = node.args[0]->type == NumType::kInt64 && expr->lanes == 1;
  if (!integers) return visit_children(expr);
  const Expr& a = node.args[0];
  const Expr& b = node.args.back();
  if (node.op == ScalarOp::kLess || node.op == ScalarOp::kLessEqual) {
    auto truth = less(a, b, node.op == ScalarOp::kLessEqual);
    if (truth) return literal(*truth);
  } else if (node.op == ScalarOp::kEqual || node.op == ScalarOp::kNotEqual) {
    bool equal = node.op == ScalarOp::kEqual;
    if (less(a, b, false) == true || less(b, a, false) == true) {
      return literal(!equal);
    }
    Poly gap = poly(b) + poly(a) * Dim(-1);
    if (gap.terms.empty()) return literal(equal);
  } else if (node.op == ScalarOp::kMin || node.op == ScalarOp::kMax) {
    bool is_min = node.op == ScalarOp::kMin;
    if (auto first = less(a, b, true)) return visit(*first == is_min ? a : b);
  }
  return visit_children(expr);
}

// Axes of extent 1 go: their variable is 0.
Expr Simplifier::visit_reduce(const Expr& expr, const Reduce& node) {
  std::vector<ReduceAxis> axes;
  for (const ReduceAxis& axis : node.axes) {
    algebra_.add_range(axis.var, axis.extent);
    if (axis.extent != 1) axes.push_back(axis);
  }
  Expr body = visit(node.body);
  bool arg = is_arg(node.op);
  if (axes.empty()) return arg ? int_literal(0) : body;
  if (axes.size() == node.axes.size() && body.get() == node.body.get()) {
    return expr;
  }
  return reduce(node.op, std::move(axes), body);
}

Expr Simplifier::visit_checked(const Expr& expr) {
  Expr simple = visit_children(expr);
  auto* node = std::get_if<CheckedIndex>(&simple->node);
  if (less(node->index, node->extent, false) == true) {
    if (less(int_literal(0), node->index, true) == true) return node->index;
  }
  return simple;
}

}  // namespace

void Ranges::add(const Var& v, const Dim& extent) {
  extents_.insert_or_assign(v.get(), extent);
}

void Ranges::add(const std::vector<Var>& axes, const Shape& shape) {
  for (size_t i = 0; i < axes.size(); ++i) add(axes[i], shape[i]);
}

const Dim* Ranges::extent(const VarInfo* v) const {
  auto found = extents_.find(v);
  return found == extents_.end() ? nullptr : &found->second;
}

Expr simplify(const Expr& expr, const Ranges& ranges) {
  return Simplifier(ranges, expr).visit(expr);
}

Expr flat_index(const std::vector<Expr>& index, const Shape& shape,
                const Ranges& ranges) {
  Expr flat = int_literal(0);
  for (size_t i = 0; i < index.size(); ++i) {
    flat = flat * size_of(shape[i]) + index[i];
  }
  return simplify(flat, ranges);
}

bool provably_in_range(const Expr& expr, const Dim& lo, const Dim& hi,
                       const Ranges& ranges) {
  try {
    Simplifier s(ranges, expr);
    Bounds of = s.algebra().bounds(s.poly(expr));
    return of.low && of.high && provably_at_least(*of.low, lo) &&
           provably_less(*of.high, hi);
  } catch (const DimError&) {
    return false;
  }
}

std::optional<Affine> affine_in(const Expr& index, const Var& v,
                                const Ranges& ranges) {
  try {
    Simplifier s(ranges, index);
    Poly whole = s.poly(index);
    Poly unit = s.algebra().variable(v);
    if (unit.terms.empty()) return Affine{index, Dim(0)};
    int id = unit.terms.begin()->first[0];
    Poly base;
    Dim stride = 0;
    for (const auto& [m, c] : whole.terms) {
      if (m == Monomial{id}) {
        stride = c;
      } else {
        base.add(m, c);
      }
    }
    Expr rest = s.algebra().rebuild(base);
    if (depends_on(rest, v.get())) return std::nullopt;
    if (!s.keeps_checks(index, rest)) return std::nullopt;
    return Affine{rest, stride};
  } catch (const DimError&) {
    return std::nullopt;
  }
}

bool is_multiple(const Expr& expr, int64_t number, const Ranges& ranges) {
  return is_literal(simplify(expr % int_literal(number), ranges), 0);
}

bool visits_all(const std::vector<Expr>& index, const Shape& shape,
                const Ranges& ranges) {
  Expr flat = flat_index(index, shape, ranges);
  std::vector<std::pair<Dim, Dim>> digits;  // place value, extent
  std::set<Var> used;
  walk(flat, [&](const Expr& e) {
    if (auto* ref = std::get_if<VarRef>(&e->node)) used.insert(ref->var);
    return true;
  });
  for (const Var& v : used) {
    const Dim* extent = ranges.extent(v.get());
    std::optional<Affine> form = affine_in(flat, v, ranges);
    if (!extent || !form) return false;
    digits.emplace_back(form->stride, *extent);
    flat = form->base;
  }
  if (!same_expr(flat, int_literal(0))) return false;
  Dim count = 1;
  while (!digits.empty()) {
    auto next = std::find_if(digits.begin(), digits.end(),
                             [&](const auto& d) { return d.first == count; });
    if (next == digits.end()) return false;
    count *= next->second;
    digits.erase(next);
  }
  return count == numel(shape);
}

}  // namespace lathe
