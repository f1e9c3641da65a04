#include "codegen/point_ops.h"

#include <limits>
#include <unordered_map>

#include "codegen/rewrite.h"
#include "codegen/simplify.h"
#include "spec/check.h"

namespace lathe {
namespace {

struct ScalarPoint {
  std::vector<Stmt>& out;

  void operator()(const PointLet& op) const {
    out.push_back(let(op.var, op.value));
  }
  void operator()(const PointStore& op) const {
    out.push_back(store(op.slot, op.index, op.value));
  }
  void operator()(const PointAccumulate& op) const {
    Expr acc = var(op.accumulator);
    out.push_back(assign(op.accumulator, combine(op.op, acc, op.value)));
  }
  void operator()(const PointArg& op) const {
    out.push_back(if_then(
        replaces(op.op, op.value, var(op.best)),
        block({assign(op.best, op.value), assign(op.position, op.at)})));
  }
  void operator()(const PointStmt& op) const { out.push_back(op.stmt); }
};

// Turns expressions in `v` into vectors over `lanes` values of v.
class Widener {
 public:
  Widener(const Var& v, const Expr& base, NumType type, int lanes)
      : v_(v), base_(base), type_(type), lanes_(lanes) {
    at_base_[v.get()] = base;
  }

  // Empty when there is no vector form.
  Expr widen(const Expr& expr) {
    auto found = done_.find(expr.get());
    if (found != done_.end()) return found->second.second;
    Expr wide = widen_new(expr);
    done_.emplace(expr.get(), std::pair(expr, wide));
    return wide;
  }

  void replace(const Var& scalar, const Var& vector) {
    vectors_[scalar.get()] = var(vector);
  }

  // The address of the first lane when lanes are consecutive.
  Expr consecutive(const Expr& index) const {
    auto affine = affine_in(index, v_, {});
    if (!affine || affine->stride != 1) return {};
    return simplify(substitute(index, at_base_), {});
  }

  int lanes() const { return lanes_; }

 private:
  bool varies(const Expr& expr) const {
    bool found = false;
    walk(expr, [&](const Expr& e) {
      auto* ref = std::get_if<VarRef>(&e->node);
      found =
          found || (ref && (ref->var == v_ || vectors_.count(ref->var.get())));
      return !found;
    });
    return found;
  }

  Expr widen_new(const Expr& expr) {
    if (!varies(expr)) return expr;
    if (expr->type != type_ && expr->type != NumType::kBool) return {};
    if (auto* ref = std::get_if<VarRef>(&expr->node)) {
      auto found = vectors_.find(ref->var.get());
      return found == vectors_.end() ? Expr() : found->second;
    }
    if (auto* node = std::get_if<Load>(&expr->node)) {
      if (!lathe::is_float(node->dtype)) return {};
      Expr first = consecutive(node->index[0]);
      if (!first.get()) return {};
      return vector_load(node->slot, node->dtype, first, lanes_);
    }
    if (auto* node = std::get_if<Cast>(&expr->node)) {
      if (node->arg->type != type_) return {};
      Expr arg = widen(node->arg);
      return arg.get() ? cast(node->dtype, arg) : Expr();
    }
    auto* node = std::get_if<Call>(&expr->node);
    if (!node) return {};
    std::vector<Expr> args;
    for (const Expr& arg : node->args) {
      args.push_back(widen(arg));
      if (!args.back().get()) return {};
    }
    return call(node->op, std::move(args));
  }

  Var v_;
  Expr base_;
  NumType type_;
  int lanes_;
  Substitution at_base_;
  std::unordered_map<const VarInfo*, Expr> vectors_;
  std::unordered_map<const ExprNode*, std::pair<Expr, Expr>> done_;
};

struct VectorPoint {
  Widener& widener;
  NumType type;
  const std::vector<Var>& accumulators;
  size_t& next;
  std::vector<Stmt>& out;

  bool operator()(const PointLet& op) const {
    Expr wide = widener.widen(op.value);
    if (!wide.get()) return false;
    if (wide->type != type) return false;
    // A variable of its own for each vector, even if all hold one number.
    Var v = make_var(op.var->name, type, wide->lanes);
    widener.replace(op.var, v);
    out.push_back(let(v, wide));
    return true;
  }
  bool operator()(const PointStore& op) const {
    Expr first = widener.consecutive(op.index);
    Expr wide = widener.widen(op.value);
    if (!first.get() || !wide.get() || wide->type != type) return false;
    out.push_back(store(op.slot, ramp(first, 1, widener.lanes()), wide));
    return true;
  }
  bool operator()(const PointAccumulate& op) const {
    Expr wide = widener.widen(op.value);
    if (!wide.get() || wide->type != type) return false;
    const Var& acc = accumulators[next++];
    out.push_back(assign(acc, combine(op.op, var(acc), wide)));
    return true;
  }
  bool operator()(const PointArg&) const { return false; }
  bool operator()(const PointStmt&) const { return false; }
};

}  // namespace

Expr neutral_of(ReduceOp op, NumType type) {
  using Limits = std::numeric_limits<int64_t>;
  double infinity = std::numeric_limits<double>::infinity();
  bool real = is_float(type);
  switch (op) {
    case ReduceOp::kSum:
      return real ? float_literal(0, type) : int_literal(0);
    case ReduceOp::kProd:
      return real ? float_literal(1, type) : int_literal(1);
    case ReduceOp::kMin:
    case ReduceOp::kArgMin:
      return real ? float_literal(infinity, type) : int_literal(Limits::max());
    case ReduceOp::kMax:
    case ReduceOp::kArgMax:
      return real ? float_literal(-infinity, type) : int_literal(Limits::min());
  }
  LATHE_CHECK(false, "no such reduction");
  return {};
}

Expr combine(ReduceOp op, const Expr& a, const Expr& b) {
  switch (op) {
    case ReduceOp::kSum:
      return a + b;
    case ReduceOp::kProd:
      return a * b;
    case ReduceOp::kMin:
    case ReduceOp::kArgMin:
      return min(a, b);
    case ReduceOp::kMax:
    case ReduceOp::kArgMax:
      return max(a, b);
  }
  LATHE_CHECK(false, "no such reduction");
  return {};
}

Expr replaces(ReduceOp op, const Expr& next, const Expr& best) {
  Expr better = op == ReduceOp::kArgMax ? best < next : next < best;
  if (!is_float(next->type)) return better;
  Expr next_nan = call(ScalarOp::kIsNan, {next});
  Expr best_nan = call(ScalarOp::kIsNan, {best});
  return better || (next_nan && call(ScalarOp::kNot, {best_nan}));
}

Stmt scalar_point(const std::vector<PointOp>& ops) {
  std::vector<Stmt> stmts;
  for (const PointOp& op : ops) std::visit(ScalarPoint{stmts}, op);
  return block(std::move(stmts));
}

std::optional<std::vector<Stmt>> vector_points(
    const std::vector<PointOp>& ops, const Var& v, const Expr& base,
    NumType type, int lanes, const std::vector<Var>& accumulators) {
  Widener widener(v, base, type, lanes);
  std::vector<Stmt> stmts;
  size_t next = 0;
  for (const PointOp& op : ops) {
    if (!std::visit(VectorPoint{widener, type, accumulators, next, stmts},
                    op)) {
      return std::nullopt;
    }
  }
  return stmts;
}

}  // namespace lathe
