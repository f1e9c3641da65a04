#include <unordered_map>

#include "codegen/passes.h"
#include "codegen/rewrite.h"
#include "spec/text.h"

namespace lathe {
namespace {

// The array with its variables named by position, so that equal definitions
// print the same.
Array with_plain_names(const Array& array) {
  Array out = array;
  Substitution renamed;
  for (size_t i = 0; i < array.axes.size(); ++i) {
    out.axes[i] = make_var(cat({"i", i}));
    renamed[array.axes[i].get()] = var(out.axes[i]);
  }
  if (auto* update = std::get_if<Update>(&out.kind)) {
    for (size_t i = 0; i < update->domain.size(); ++i) {
      Var plain = make_var(cat({"u", i}));
      renamed[update->domain[i].var.get()] = var(plain);
      update->domain[i].var = plain;
    }
  }
  int reductions = 0;
  Rewriter rename([&](const Expr& e) -> Expr {
    // Equal indices of several nodes are checked once, for the first.
    if (auto* check = std::get_if<CheckedIndex>(&e->node)) {
      return checked_index(check->index, check->extent, int_literal(0), -1);
    }
    auto* node = std::get_if<Reduce>(&e->node);
    if (!node) return {};
    Substitution inner;
    std::vector<ReduceAxis> axes;
    for (const ReduceAxis& axis : node->axes) {
      axes.push_back({make_var(cat({"r", reductions++})), axis.extent});
      inner[axis.var.get()] = var(axes.back().var);
    }
    return reduce(node->op, axes, substitute(node->body, inner));
  });
  std::vector<Expr> exprs = expressions_of(out.kind);
  for (Expr& expr : exprs) expr = rename(substitute(expr, renamed));
  out.kind = with_expressions(out.kind, std::move(exprs));
  return out;
}

std::string key_of(const Array& array) {
  Array plain = with_plain_names(array);
  Stage stage;
  stage.dtype = plain.dtype;
  stage.shape = plain.shape;
  stage.axes = plain.axes;
  std::visit(
      [&](const auto& kind) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(kind)>, Given>) {
          stage.kind = kind;
        }
      },
      plain.kind);
  Definition definition;
  definition.stages.push_back(std::move(stage));
  return to_string(definition);
}

void read_from(Array& array, const std::vector<ArrayId>& moved) {
  Rewriter renumber([&](const Expr& e) -> Expr {
    auto* node = std::get_if<Load>(&e->node);
    if (!node || moved[node->slot] == node->slot) return {};
    return load(moved[node->slot], node->dtype, node->index);
  });
  std::vector<Expr> exprs = expressions_of(array.kind);
  for (Expr& expr : exprs) expr = renumber(expr);
  array.kind = with_expressions(array.kind, std::move(exprs));
}

}  // namespace

StageGraph prune(StageGraph graph) {
  std::vector<bool> used(graph.arrays.size(), false);
  for (size_t id = graph.arrays.size(); id-- > 0;) {
    Array& array = graph.arrays[id];
    used[id] = used[id] || array.stored ||
               std::holds_alternative<Given>(array.kind);
    if (!used[id]) continue;
    for (ArrayId operand : operands_of(array)) used[operand] = true;
  }
  StageGraph out;
  std::vector<ArrayId> moved(graph.arrays.size(), -1);
  for (size_t id = 0; id < graph.arrays.size(); ++id) {
    if (!used[id]) continue;
    read_from(graph.arrays[id], moved);
    moved[id] = static_cast<int>(out.arrays.size());
    out.arrays.push_back(std::move(graph.arrays[id]));
  }
  for (ArrayId id : graph.outputs) out.outputs.push_back(moved[id]);
  return out;
}

StageGraph share(StageGraph graph) {
  std::unordered_map<std::string, ArrayId> first;
  std::vector<ArrayId> moved(graph.arrays.size());
  for (size_t id = 0; id < graph.arrays.size(); ++id) {
    Array& array = graph.arrays[id];
    moved[id] = static_cast<int>(id);
    if (std::holds_alternative<Given>(array.kind)) continue;
    read_from(array, moved);
    auto [it, inserted] = first.emplace(key_of(array), id);
    if (inserted) continue;
    Array& kept = graph.arrays[it->second];
    // Two graph values may be one array; an output keeps its place.
    if (array.stored && (kept.at_load || kept.widens)) continue;
    kept.stored = kept.stored || array.stored;
    array.stored = false;  // nothing reads it any more
    if (kept.value < 0) kept.value = array.value;
    moved[id] = it->second;
  }
  for (ArrayId& id : graph.outputs) id = moved[id];
  return prune(std::move(graph));
}

}  // namespace lathe
