#include <algorithm>

#include "codegen/passes.h"
#include "codegen/rewrite.h"
#include "spec/check.h"

namespace lathe {
namespace {

DType storage_of(NumType type) {
  switch (type) {
    case NumType::kBool:
      return DType::kBool;
    case NumType::kInt64:
      return DType::kInt64;
    case NumType::kFloat32:
      return DType::kFloat32;
    case NumType::kFloat64:
      return DType::kFloat64;
  }
  LATHE_CHECK(false, "no such type");
  return DType::kFloat32;
}

Expr zero_of(NumType type) {
  if (type == NumType::kBool) return literal(false);
  if (type == NumType::kInt64) return int_literal(0);
  return float_literal(0, type);
}

// Hoists out of one array; new arrays are appended to `out` before it.
class Hoister {
 public:
  Hoister(const Array& array, std::vector<Array>& out)
      : array_(array), out_(out) {
    for (size_t i = 0; i < array.axes.size(); ++i) {
      scope_.push_back({array.axes[i], array.shape[i]});
    }
    if (auto* update = std::get_if<Update>(&array.kind)) {
      scope_.insert(scope_.end(), update->domain.begin(),
                    update->domain.end());
    }
    // A sort reads keys beyond the length of its own axis.
    if (auto* sort = std::get_if<Sort>(&array.kind)) {
      scope_[sort->axis].extent = sort->extent;
    }
  }

  ArrayKind run() {
    std::vector<Expr> exprs = expressions_of(array_.kind);
    bool keeps_root = std::holds_alternative<Compute>(array_.kind);
    for (Expr& expr : exprs) {
      auto* root = std::get_if<Reduce>(&expr->node);
      expr = keeps_root && root ? reduce_with_plain_body(*root)
                                : visit(expr);
    }
    return with_expressions(array_.kind, std::move(exprs));
  }

 private:
  Expr reduce_with_plain_body(const Reduce& node) {
    size_t depth = scope_.size();
    scope_.insert(scope_.end(), node.axes.begin(), node.axes.end());
    Expr body = visit(node.body);
    scope_.resize(depth);
    return reduce(node.op, node.axes, body);
  }

  Expr visit(const Expr& expr) {
    if (auto* node = std::get_if<Reduce>(&expr->node)) return hoist(*node);
    auto* call = std::get_if<Call>(&expr->node);
    std::vector<Expr> children = children_of(expr);
    bool guarded = call && call->op == ScalarOp::kSelect;
    for (size_t i = 0; i < children.size(); ++i) {
      size_t depth = guards_.size();
      if (guarded && i == 1) guards_.push_back(children[0]);
      if (guarded && i == 2) {
        guards_.push_back(lathe::call(ScalarOp::kNot, {children[0]}));
      }
      children[i] = visit(children[i]);
      guards_.resize(depth);
    }
    return with_children(expr, std::move(children));
  }

  // A load under a select may be out of bounds where the select does not
  // choose it, so the condition goes along.
  Expr hoist(const Reduce& original) {
    std::vector<Expr> guards = std::move(guards_);
    guards_.clear();
    Expr whole = reduce_with_plain_body(original);
    if (!guards.empty()) {
      auto& node = std::get<Reduce>(whole->node);
      Expr condition = guards[0];
      for (size_t i = 1; i < guards.size(); ++i) {
        condition = condition && guards[i];
      }
      whole = reduce(node.op, node.axes,
                     select(condition, node.body, zero_of(node.body->type)));
    }
    guards_ = std::move(guards);
    return load_of_new_array(fresh_reductions(whole));
  }

  Expr load_of_new_array(const Expr& body) {
    auto free = free_vars(body);
    Array stage;
    stage.work = array_.work;
    stage.node = array_.node;
    stage.name = name_of(std::get<Reduce>(body->node).op);
    stage.dtype = storage_of(body->type);
    Substitution renamed;
    std::vector<Expr> index;
    for (const ReduceAxis& axis : scope_) {
      if (!free.count(axis.var.get())) continue;
      stage.axes.push_back(make_var(axis.var->name));
      stage.shape.push_back(axis.extent);
      renamed[axis.var.get()] = var(stage.axes.back());
      index.push_back(var(axis.var));
    }
    stage.kind = Compute{substitute(body, renamed)};
    // The array that is being rewritten comes after those appended here.
    out_.push_back(std::move(stage));
    return load(static_cast<int>(out_.size()) - 1, out_.back().dtype,
                std::move(index));
  }

  const Array& array_;
  std::vector<Array>& out_;
  std::vector<ReduceAxis> scope_;
  std::vector<Expr> guards_;
};

}  // namespace

StageGraph hoist_reductions(StageGraph graph) {
  StageGraph out;
  std::vector<ArrayId> moved;
  for (Array& array : graph.arrays) {
    std::vector<Expr> exprs = expressions_of(array.kind);
    Rewriter renumber([&](const Expr& e) -> Expr {
      auto* node = std::get_if<Load>(&e->node);
      if (!node || moved[node->slot] == node->slot) return {};
      return load(moved[node->slot], node->dtype, node->index);
    });
    for (Expr& expr : exprs) expr = renumber(expr);
    array.kind = with_expressions(array.kind, std::move(exprs));
    array.kind = Hoister(array, out.arrays).run();
    moved.push_back(static_cast<int>(out.arrays.size()));
    out.arrays.push_back(std::move(array));
  }
  for (ArrayId id : graph.outputs) out.outputs.push_back(moved[id]);
  return out;
}

}  // namespace lathe
