#include "codegen/rewrite.h"

#include "codegen/index_algebra.h"

namespace lathe {

namespace {

void walk_nodes(const Expr& expr, bool always,
                const std::function<bool(const Expr&)>& visit) {
  std::unordered_set<const ExprNode*> seen;
  std::vector<Expr> todo = {expr};
  while (!todo.empty()) {
    Expr next = todo.back();
    todo.pop_back();
    if (!seen.insert(next.get()).second || !visit(next)) continue;
    std::vector<Expr> children = children_of(next);
    auto* call = std::get_if<Call>(&next->node);
    if (always && call && call->op == ScalarOp::kSelect) children.resize(1);
    todo.insert(todo.end(), children.rbegin(), children.rend());
  }
}

}  // namespace

void walk(const Expr& expr, const std::function<bool(const Expr&)>& visit) {
  walk_nodes(expr, false, visit);
}

void walk_always(const Expr& expr,
                 const std::function<bool(const Expr&)>& visit) {
  walk_nodes(expr, true, visit);
}

Expr Rewriter::operator()(const Expr& expr) {
  auto found = done_.find(expr.get());
  if (found != done_.end()) return found->second.second;
  std::vector<Expr> children = children_of(expr);
  bool changed = false;
  for (Expr& child : children) {
    Expr next = (*this)(child);
    changed |= next.get() != child.get();
    child = std::move(next);
  }
  Expr rebuilt = changed ? with_children(expr, std::move(children)) : expr;
  if (Expr replaced = rule_(rebuilt)) rebuilt = replaced;
  done_.emplace(expr.get(), std::pair(expr, rebuilt));
  return rebuilt;
}

Expr substitute(const Expr& expr, const Substitution& replacement) {
  if (replacement.empty()) return expr;
  Rewriter rewrite([&](const Expr& e) -> Expr {
    auto* ref = std::get_if<VarRef>(&e->node);
    if (!ref) return {};
    auto found = replacement.find(ref->var.get());
    return found == replacement.end() ? Expr() : found->second;
  });
  return rewrite(expr);
}

Expr fresh_reductions(const Expr& expr) {
  Rewriter rewrite([](const Expr& e) -> Expr {
    auto* node = std::get_if<Reduce>(&e->node);
    if (!node) return {};
    Substitution renamed;
    std::vector<ReduceAxis> axes;
    for (const ReduceAxis& axis : node->axes) {
      axes.push_back({make_var(axis.var->name), axis.extent});
      renamed[axis.var.get()] = var(axes.back().var);
    }
    return reduce(node->op, axes, substitute(node->body, renamed));
  });
  return rewrite(expr);
}

bool depends_on(const Expr& expr, const VarInfo* v) {
  bool found = false;
  walk(expr, [&](const Expr& e) {
    auto* ref = std::get_if<VarRef>(&e->node);
    found = found || (ref && ref->var.get() == v);
    return !found;
  });
  return found;
}

// Reduction variables are unique objects, so one bound anywhere inside is not
// free anywhere inside.
std::unordered_set<const VarInfo*> free_vars(const Expr& expr) {
  std::unordered_set<const VarInfo*> used, bound;
  walk(expr, [&](const Expr& e) {
    if (auto* ref = std::get_if<VarRef>(&e->node)) used.insert(ref->var.get());
    if (auto* node = std::get_if<Reduce>(&e->node)) {
      for (const ReduceAxis& axis : node->axes) bound.insert(axis.var.get());
    }
    return true;
  });
  for (const VarInfo* v : bound) used.erase(v);
  return used;
}

std::vector<Expr> loads_of(const Expr& expr) {
  std::vector<Expr> loads;
  walk(expr, [&](const Expr& e) {
    if (std::holds_alternative<Load>(e->node)) loads.push_back(e);
    return true;
  });
  return loads;
}

std::vector<Expr> checks_of(const Expr& expr) {
  std::vector<Expr> checks;
  walk_always(expr, [&](const Expr& e) {
    bool check = std::holds_alternative<CheckedIndex>(e->node);
    if (check) checks.push_back(e);
    return !check;
  });
  return checks;
}

bool makes_check(const Expr& expr, const Expr& check) {
  bool found = false;
  walk_always(expr, [&](const Expr& e) {
    found = found || same_expr(e, check);
    return !found;
  });
  return found;
}

}  // namespace lathe
