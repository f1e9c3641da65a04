#include <algorithm>

#include "codegen/passes.h"
#include "codegen/rewrite.h"
#include "spec/check.h"

namespace lathe {
namespace {

// A formula without inner reductions, and those. The slots behind its own are
// the reductions, in order; these may read each other, too.
struct Hoisted {
  struct Stage {
    std::string name;
    NumberedFormula formula;
  };
  std::vector<Stage> reductions;
  NumberedFormula rest;
};

class Hoister {
 public:
  Hoister(const Formula& formula, size_t slots)
      : formula_(formula), slots_(static_cast<int>(slots)) {
    for (size_t i = 0; i < formula.axes.size(); ++i) {
      scope_.push_back({formula.axes[i], formula.shape[i]});
    }
    if (auto* update = std::get_if<Update>(&formula.kind)) {
      scope_.insert(scope_.end(), update->domain.begin(),
                    update->domain.end());
    }
    // A sort reads keys beyond the length of its own axis.
    if (auto* sort = std::get_if<Sort>(&formula.kind)) {
      scope_[sort->axis].extent = sort->extent;
    }
  }

  Hoisted run() {
    std::vector<Expr> exprs = expressions_of(formula_.kind);
    bool keeps_root = std::holds_alternative<Compute>(formula_.kind);
    for (Expr& expr : exprs) {
      auto* root = std::get_if<Reduce>(&expr->node);
      expr = keeps_root && root ? reduce_with_plain_body(*root)
                                : visit(expr);
    }
    Formula rest = formula_;
    rest.kind = with_expressions(formula_.kind, std::move(exprs));
    out_.rest = number_slots(std::move(rest));
    return std::move(out_);
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
    return load_of_new_stage(fresh_reductions(whole));
  }

  Expr load_of_new_stage(const Expr& body) {
    auto free = free_vars(body);
    Formula stage;
    stage.dtype = storage_type(body->type);
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
    int slot = slots_ + static_cast<int>(out_.reductions.size());
    DType dtype = stage.dtype;
    out_.reductions.push_back({name_of(std::get<Reduce>(body->node).op),
                               number_slots(std::move(stage))});
    return load(slot, dtype, std::move(index));
  }

  const Formula& formula_;
  const int slots_;
  Hoisted out_;
  std::vector<ReduceAxis> scope_;
  std::vector<Expr> guards_;
};

}  // namespace

StageGraph hoist_reductions(StageGraph graph) {
  StageGraph out;
  out.ops = std::move(graph.ops);
  std::vector<ArrayId> moved, slots;
  Answers<Hoisted> hoisted;
  SlotFiller filler;
  for (Array& array : graph.arrays) {
    const Hoisted& parts = hoisted.get(array.formula, [&] {
      return Hoister(*array.formula, array.operands.size()).run();
    });
    slots.clear();
    for (ArrayId operand : array.operands) slots.push_back(moved[operand]);
    for (const Hoisted::Stage& reduction : parts.reductions) {
      Array stage;
      stage.name = reduction.name;
      stage.work = array.work;
      stage.node = array.node;
      filler.fill(stage, reduction.formula, slots);
      slots.push_back(static_cast<int>(out.arrays.size()));
      out.arrays.push_back(std::move(stage));
    }
    filler.fill(array, parts.rest, slots);
    moved.push_back(static_cast<int>(out.arrays.size()));
    out.arrays.push_back(std::move(array));
  }
  out.formulas_worked_on = graph.formulas_worked_on + hoisted.size();
  for (ArrayId id : graph.outputs) out.outputs.push_back(moved[id]);
  return out;
}

}  // namespace lathe
