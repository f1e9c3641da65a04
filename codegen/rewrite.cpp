#include "codegen/rewrite.h"

#include <algorithm>

#include "codegen/index_algebra.h"

namespace lathe {

namespace {

// A range of children_of(), without copying it.
struct Children {
  const Expr* begin = nullptr;
  size_t count = 0;
};

Children children_in(const Expr& expr) {
  if (auto* load = std::get_if<Load>(&expr->node)) {
    return {load->index.data(), load->index.size()};
  }
  if (auto* call = std::get_if<Call>(&expr->node)) {
    return {call->args.data(), call->args.size()};
  }
  if (auto* cast = std::get_if<Cast>(&expr->node)) return {&cast->arg, 1};
  if (auto* reduce = std::get_if<Reduce>(&expr->node)) {
    return {&reduce->body, 1};
  }
  if (auto* ramp = std::get_if<Ramp>(&expr->node)) return {&ramp->base, 1};
  return {};
}

// Nodes that were met, a few of them without a hash table.
class SeenNodes {
 public:
  bool insert(const ExprNode* node) {
    if (few_.size() < kFew) {
      if (std::find(few_.begin(), few_.end(), node) != few_.end()) {
        return false;
      }
      few_.push_back(node);
      return true;
    }
    if (many_.empty()) many_.insert(few_.begin(), few_.end());
    return many_.insert(node).second;
  }

 private:
  static constexpr size_t kFew = 24;
  std::vector<const ExprNode*> few_;
  std::unordered_set<const ExprNode*> many_;
};

void walk_nodes(const Expr& expr, bool always,
                const std::function<bool(const Expr&)>& visit) {
  SeenNodes seen;
  // What holds them lives as long as `expr`.
  std::vector<const Expr*> todo = {&expr};
  while (!todo.empty()) {
    const Expr& next = *todo.back();
    todo.pop_back();
    if (!seen.insert(next.get()) || !visit(next)) continue;
    if (auto* check = std::get_if<CheckedIndex>(&next->node)) {
      todo.insert(todo.end(), {&check->position, &check->extent,
                               &check->index});
      continue;
    }
    Children children = children_in(next);
    auto* call = std::get_if<Call>(&next->node);
    if (always && call && call->op == ScalarOp::kSelect) children.count = 1;
    for (size_t i = children.count; i-- > 0;) {
      todo.push_back(children.begin + i);
    }
  }
}

bool is_leaf(const Expr& expr) {
  return std::holds_alternative<Literal>(expr->node) ||
         std::holds_alternative<VarRef>(expr->node) ||
         std::holds_alternative<SizeOf>(expr->node);
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
  if (is_leaf(expr)) {
    Expr replaced = rule_(expr);
    return replaced ? replaced : expr;
  }
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

const Call* call_of(const Expr& expr, ScalarOp op) {
  auto* call = std::get_if<Call>(&expr->node);
  return call && call->op == op ? call : nullptr;
}

const Load* plain_load(const Expr& expr) {
  if (auto* to = std::get_if<Cast>(&expr->node)) {
    return to->dtype == DType::kFloat32 ? plain_load(to->arg) : nullptr;
  }
  return std::get_if<Load>(&expr->node);
}

bool is_literal(const Expr& expr, int64_t value) {
  auto* literal = std::get_if<Literal>(&expr->node);
  auto* number = literal ? std::get_if<int64_t>(&literal->value) : nullptr;
  return number && *number == value;
}

const Call* division_in(const Expr& expr) {
  auto* call = std::get_if<Call>(&expr->node);
  const bool divides = call && (call->op == ScalarOp::kFloorDiv ||
                                call->op == ScalarOp::kMod);
  return divides ? call : nullptr;
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
