#include "codegen/contraction.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "codegen/rewrite.h"

namespace lathe {
namespace {

struct Factor {
  Expr expr;
  std::vector<bool> axes;    // of the stage, that it depends on
  std::vector<bool> reduce;  // reduce axes that it depends on
  // Where it stands in the product of products: which side of each, outermost
  // first.
  std::vector<bool> place;
};

bool any(const std::vector<bool>& flags) {
  return std::find(flags.begin(), flags.end(), true) != flags.end();
}
bool all(const std::vector<bool>& flags) {
  return std::find(flags.begin(), flags.end(), false) == flags.end();
}
bool within(const std::vector<bool>& inner, const std::vector<bool>& outer) {
  for (size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] && !outer[i]) return false;
  }
  return true;
}

// The products that hold both.
size_t shared_products(const Factor& a, const Factor& b) {
  const size_t most = std::min(a.place.size(), b.place.size());
  size_t same = 0;
  while (same < most && a.place[same] == b.place[same]) ++same;
  return same;
}

// A factor or divisor that is the same for all of a sum.
struct Constant {
  Factor factor;
  bool divides = false;
};

size_t first_axis(const Factor& factor) {
  auto found = std::find(factor.axes.begin(), factor.axes.end(), true);
  return static_cast<size_t>(found - factor.axes.begin());
}

class ContractionMatcher {
 public:
  ContractionMatcher(const Reduce& sum, const std::vector<Var>& axes)
      : sum_(sum), axes_(axes) {}

  std::optional<Contraction> match() {
    result_.reduce = sum_.axes;
    split(sum_.body, {});
    if (factors_.size() < 2 || !pair_up()) return std::nullopt;
    for (const Factor* side : {&left_, &right_}) {
      if (!all(side->reduce) || loads_of(side->expr).empty()) {
        return std::nullopt;
      }
    }
    place_constants();
    if (first_axis(right_) < first_axis(left_)) std::swap(left_, right_);
    result_.lhs = left_.expr;
    result_.rhs = right_.expr;
    for (size_t i = 0; i < axes_.size(); ++i) {
      bool left = left_.axes[i], right = right_.axes[i];
      int axis = static_cast<int>(i);
      if (left && right) result_.batch.push_back(axis);
      if (left && !right) result_.rows.push_back(axis);
      if (!left && right) result_.cols.push_back(axis);
      // An axis that only the scale knows, or none: as a row of equal sums.
      if (!left && !right) result_.rows.push_back(axis);
    }
    std::sort(result_.rows.begin(), result_.rows.end());
    return std::move(result_);
  }

 private:
  Factor factor_of(const Expr& expr) const {
    Factor factor{expr, {}, {}, {}};
    for (const Var& axis : axes_) {
      factor.axes.push_back(depends_on(expr, axis.get()));
    }
    for (const ReduceAxis& axis : sum_.axes) {
      factor.reduce.push_back(depends_on(expr, axis.var.get()));
    }
    return factor;
  }

  // Products fall apart into factors and, where these do not depend on the
  // reduce axes, constants.
  void split(const Expr& expr, std::vector<bool> place) {
    auto* call = std::get_if<Call>(&expr->node);
    if (call && call->op == ScalarOp::kMul) {
      place.push_back(false);
      split(call->args[0], place);
      place.back() = true;
      split(call->args[1], place);
      return;
    }
    if (call && call->op == ScalarOp::kDiv &&
        !any(factor_of(call->args[1]).reduce)) {
      split(call->args[0], place);
      constants_.push_back({factor_of(call->args[1]), true});
      return;
    }
    Factor factor = factor_of(expr);
    factor.place = std::move(place);
    if (any(factor.reduce)) {
      factors_.push_back(std::move(factor));
    } else {
      constants_.push_back({std::move(factor), false});
    }
  }

  // Constants of the sum make up the scale, but for those that come out of what
  // a side loads anyway, as the scale of a block beside its codes: apart from
  // them it would keep all of that storage in use.
  void place_constants() {
    for (const Constant& c : constants_) {
      Factor* home = nullptr;
      for (Factor* side : {&left_, &right_}) {
        if (!c.divides && within(c.factor.axes, side->axes) &&
            shares_storage(c.factor.expr, side->expr)) {
          home = side;
        }
      }
      const Expr& value = c.factor.expr;
      if (home != nullptr) {
        merge(*home, c.factor);
      } else if (!result_.scale.get()) {
        Expr one = float_literal(1, value->type);
        result_.scale = c.divides ? one / value : value;
      } else {
        result_.scale =
            c.divides ? result_.scale / value : result_.scale * value;
      }
    }
  }

  static int slot_of(const Expr& e) { return std::get<Load>(e->node).slot; }
  static bool shares_storage(const Expr& a, const Expr& b) {
    for (const Expr& load : loads_of(a)) {
      for (const Expr& other : loads_of(b)) {
        if (slot_of(load) == slot_of(other)) return true;
      }
    }
    return false;
  }

  static void merge(Factor& into, const Factor& from) {
    into.expr = into.expr * from.expr;
    for (size_t i = 0; i < into.axes.size(); ++i) {
      into.axes[i] = into.axes[i] || from.axes[i];
    }
    for (size_t i = 0; i < into.reduce.size(); ++i) {
      into.reduce[i] = into.reduce[i] || from.reduce[i];
    }
  }

  // The two sides grow from a pair of factors; the rest joins the side that
  // knows its axes already. A factor whose axes both know goes to the side
  // that the model multiplies it with.
  bool pair_up() {
    auto [a, b] = seeds();
    left_ = factors_[a];
    right_ = factors_[b];
    for (size_t i = 0; i < factors_.size(); ++i) {
      if (i == a || i == b) continue;
      const Factor& next = factors_[i];
      const bool fits_left = within(next.axes, left_.axes);
      const bool fits_right = within(next.axes, right_.axes);
      if (!fits_left && !fits_right) return false;
      const bool to_left =
          fits_left && (!fits_right || shared_products(next, factors_[a]) >=
                                           shared_products(next, factors_[b]));
      merge(to_left ? left_ : right_, next);
    }
    return true;
  }

  // Two factors of which neither's axes hold the other's; where all nest, the
  // two that know most axes.
  std::pair<size_t, size_t> seeds() const {
    for (size_t i = 0; i < factors_.size(); ++i) {
      for (size_t j = i + 1; j < factors_.size(); ++j) {
        if (!within(factors_[i].axes, factors_[j].axes) &&
            !within(factors_[j].axes, factors_[i].axes)) {
          return {i, j};
        }
      }
    }
    std::vector<size_t> order(factors_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    auto known = [&](size_t i) {
      return std::count(factors_[i].axes.begin(), factors_[i].axes.end(), true);
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t i, size_t j) { return known(i) > known(j); });
    return std::minmax(order[0], order[1]);
  }

  const Reduce& sum_;
  const std::vector<Var>& axes_;
  Contraction result_;
  std::vector<Factor> factors_;
  std::vector<Constant> constants_;
  Factor left_, right_;
};

}  // namespace

std::optional<Contraction> match_contraction(const Expr& body,
                                             const std::vector<Var>& axes) {
  auto* sum = std::get_if<Reduce>(&body->node);
  if (!sum || sum->op != ReduceOp::kSum || !is_float(body->type)) {
    return std::nullopt;
  }
  return ContractionMatcher(*sum, axes).match();
}

std::optional<Contraction> match_contraction(const Stage& stage) {
  auto* compute = std::get_if<Compute>(&stage.kind);
  if (!compute) return std::nullopt;
  return match_contraction(compute->body, stage.axes);
}

}  // namespace lathe
