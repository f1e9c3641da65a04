#include "codegen/split_ranges.h"

#include <algorithm>
#include <optional>
#include <set>

#include "codegen/index_algebra.h"
#include "codegen/rewrite.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Loops that one loop may become.
constexpr int kMostLoops = 12;

// A condition that is `before` for v < border and the contrary from there on.
// Without a border: v has no part in it.
struct Comparison {
  Expr condition;
  Expr border;
  bool before = true;
};

const Call* comparison(const Expr& e) {
  auto* node = std::get_if<Call>(&e->node);
  const bool compares =
      node && (node->op == ScalarOp::kLess || node->op == ScalarOp::kLessEqual);
  return compares && node->args[0]->type == NumType::kInt64 ? node : nullptr;
}

class Splitter {
 public:
  Splitter(const Var& v, const Ranges& ranges) : v_(v), ranges_(ranges) {}

  // Nothing: there is nothing to split by, or there would be too many loops.
  std::optional<Stmt> run(const std::vector<PointOp>& ops, const Expr& begin,
                          const Expr& end) {
    for (const PointOp& op : ops) {
      if (auto* x = std::get_if<PointLet>(&op)) bound_.insert(x->var.get());
    }
    if (!find(ops)) return std::nullopt;
    Stmt loops = split(ops, begin, end);
    if (loops_ > kMostLoops) return std::nullopt;
    return loops;
  }

 private:
  // The ops' expressions, with each replaced by what `rule` makes of it.
  template <typename Rule>
  static std::vector<PointOp> rewrite(const std::vector<PointOp>& ops,
                                      const Rule& rule) {
    std::vector<PointOp> out;
    for (const PointOp& op : ops) {
      if (auto* x = std::get_if<PointLet>(&op)) {
        out.push_back(PointLet{x->var, rule(x->value)});
      } else if (auto* y = std::get_if<PointStore>(&op)) {
        out.push_back(PointStore{y->slot, y->index, rule(y->value)});
      } else {
        out.push_back(op);
      }
    }
    return out;
  }

  // The first condition of a select that v or nothing here decides.
  std::optional<Comparison> find(const std::vector<PointOp>& ops) const {
    std::optional<Comparison> found;
    rewrite(ops, [&](const Expr& value) {
      walk(value, [&](const Expr& e) {
        auto* node = std::get_if<Call>(&e->node);
        if (found || !node || node->op != ScalarOp::kSelect) return !found;
        walk(node->args[0], [&](const Expr& part) {
          if (!found && comparison(part)) found = choice(part);
          return !found;
        });
        return !found;
      });
      return value;
    });
    return found;
  }

  std::optional<Comparison> choice(const Expr& condition) const {
    const Call& node = *comparison(condition);
    const Expr& a = node.args[0];
    const Expr& b = node.args[1];
    const bool equal_too = node.op == ScalarOp::kLessEqual;
    if (contains<Load>(condition) || uses_bound(condition)) {
      return std::nullopt;
    }
    if (!depends_on(condition, v_.get()))
      return Comparison{condition, {}, true};
    // a < b is: a - b < 0.
    const Expr gap = simplify(a - b, ranges_);
    if (auto border = border_in(gap, v_, equal_too)) {
      return Comparison{condition, border->first, border->second};
    }
    return by_quotient(condition, gap, equal_too);
  }

  // From where on gap(x) < 0 changes, and what it is before.
  std::optional<std::pair<Expr, bool>> border_in(const Expr& gap, const Var& x,
                                                 bool equal_too) const {
    auto form = affine_in(gap, x, ranges_);
    const Expr next = int_literal(equal_too ? 1 : 0);
    if (form && form->stride == 1) {
      return std::pair(simplified(next - form->base), true);
    }
    if (form && form->stride == -1) {
      return std::pair(simplified(form->base + int_literal(1) - next), false);
    }
    return std::nullopt;
  }

  // (v + c) / k < q is v < q * k - c.
  std::optional<Comparison> by_quotient(const Expr& condition, const Expr& gap,
                                        bool equal_too) const {
    Expr quotient;
    walk(gap, [&](const Expr& e) {
      auto* node = std::get_if<Call>(&e->node);
      if (node && node->op == ScalarOp::kFloorDiv && depends_on(e, v_.get())) {
        quotient = e;
      }
      return quotient.get() == nullptr;
    });
    if (quotient.get() == nullptr) return std::nullopt;
    auto& node = std::get<Call>(quotient->node);
    auto inner = affine_in(node.args[0], v_, ranges_);
    if (!inner || inner->stride != 1) return std::nullopt;
    Var q = make_var("q");
    Rewriter put([&](const Expr& e) -> Expr {
      return e.get() == quotient.get() ? var(q) : Expr();
    });
    const Expr outer = put(gap);
    if (depends_on(outer, v_.get()) || depends_on(node.args[1], v_.get())) {
      return std::nullopt;
    }
    auto border = border_in(outer, q, equal_too);
    if (!border) return std::nullopt;
    return Comparison{condition,
                      simplified(border->first * node.args[1] - inner->base),
                      border->second};
  }

  // Whether it uses what is known inside of the loop only.
  bool uses_bound(const Expr& condition) const {
    const auto used = free_vars(condition);
    return std::any_of(used.begin(), used.end(),
                       [&](const VarInfo* v) { return bound_.count(v) != 0; });
  }

  Expr simplified(const Expr& e) const { return simplify(e, ranges_); }

  // What `e` is where `condition` is `truth`, as one of two comparisons with
  // sums that differ by a constant decides the other.
  std::optional<bool> implied(const Expr& e, const Expr& condition,
                              bool truth) const {
    const Call* node = comparison(e);
    if (!node) return std::nullopt;
    if (same_expr(e, condition)) return truth;
    const Call& known = *comparison(condition);
    const Expr apart = simplified(node->args[0] - node->args[1] -
                                  known.args[0] + known.args[1]);
    auto* number = std::get_if<Literal>(&apart->node);
    auto* more = number ? std::get_if<int64_t>(&number->value) : nullptr;
    if (!more) return std::nullopt;
    // a < b is: a - b <= -1.
    const auto most = [](const Call& c) {
      return c.op == ScalarOp::kLessEqual ? 0 : -1;
    };
    if (truth && most(known) + *more <= most(*node)) return true;
    if (!truth && most(known) + 1 + *more > most(*node)) return false;
    return std::nullopt;
  }

  std::vector<PointOp> decided(const std::vector<PointOp>& ops,
                               const Expr& condition, bool truth) const {
    return moved(rewrite(ops, [&](const Expr& value) {
      Rewriter put([&](const Expr& e) -> Expr {
        const std::optional<bool> known = implied(e, condition, truth);
        return known ? literal(*known) : Expr();
      });
      return simplify(put(value), ranges_);
    }));
  }

  // Narrow floats that are only moved are stored as they lie.
  static std::vector<PointOp> moved(const std::vector<PointOp>& ops) {
    Substitution loads;
    std::vector<PointOp> out;
    for (const PointOp& op : ops) {
      if (auto* x = std::get_if<PointLet>(&op)) {
        auto* load = std::get_if<Load>(&x->value->node);
        if (load && is_float(load->dtype) && size_of(load->dtype) < 4) {
          loads[x->var.get()] = x->value;
        }
      }
      auto* y = std::get_if<PointStore>(&op);
      auto* ref = y ? std::get_if<VarRef>(&y->value->node) : nullptr;
      auto load = ref ? loads.find(ref->var.get()) : loads.end();
      out.push_back(load == loads.end()
                        ? op
                        : PointStore{y->slot, y->index, load->second});
    }
    return out;
  }

  Stmt split(const std::vector<PointOp>& ops, const Expr& begin,
             const Expr& end) {
    std::optional<Comparison> by;
    if (loops_ <= kMostLoops) by = find(ops);
    if (!by) {
      ++loops_;
      return for_loop(v_, begin, end, scalar_point(ops), LoopKind::kVector);
    }
    const std::vector<PointOp> first = decided(ops, by->condition, by->before);
    const std::vector<PointOp> second =
        decided(ops, by->condition, !by->before);
    if (by->border.get() == nullptr) {
      Stmt holds = split(first, begin, end);
      return if_then(by->condition, holds, split(second, begin, end));
    }
    Expr middle = simplified(min(max(by->border, begin), end));
    if (!std::holds_alternative<Literal>(middle->node)) {
      Var border = make_var(cat({"border", borders_++}));
      Stmt before = split(first, begin, var(border));
      return block(
          {let(border, middle), before, split(second, var(border), end)});
    }
    Stmt before = split(first, begin, middle);
    return block({before, split(second, middle, end)});
  }

  const Var& v_;
  const Ranges& ranges_;
  std::set<const VarInfo*> bound_;
  int loops_ = 0, borders_ = 0;
};

}  // namespace

Stmt loop_in_ranges(const std::vector<PointOp>& ops, const Var& v,
                    const Expr& begin, const Expr& end, const Ranges& ranges) {
  if (auto loops = Splitter(v, ranges).run(ops, begin, end)) return *loops;
  return for_loop(v, begin, end, scalar_point(ops), LoopKind::kVector);
}

}  // namespace lathe
