#include <unordered_map>
#include <unordered_set>

#include "codegen/passes.h"
#include "codegen/rewrite.h"
#include "spec/text.h"

namespace lathe {
namespace {

// The formula with its variables named by position, so that equal definitions
// print the same.
Formula with_plain_names(const Formula& formula) {
  Formula out = formula;
  Substitution renamed;
  for (size_t i = 0; i < formula.axes.size(); ++i) {
    out.axes[i] = make_var(cat({"i", i}));
    renamed[formula.axes[i].get()] = var(out.axes[i]);
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

// Equal for formulas that compute the same of the same operands.
std::string text_of(const Formula& formula) {
  Formula plain = with_plain_names(formula);
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

void move_operands(Array& array, const std::vector<ArrayId>& moved) {
  for (ArrayId& operand : array.operands) operand = moved[operand];
}

// Arrays by what they compute: a number for their formula, and operands.
class Sharer {
 public:
  explicit Sharer(const StageGraph& graph)
      : arrays_(graph.arrays),
        numbers_(graph.arrays.size(), -1),
        first_(2 * graph.arrays.size(), HashOf{*this}, Equal{*this}) {}

  // The first array that computes the same.
  ArrayId first_like(ArrayId id) {
    const FormulaRef& formula = arrays_[id].formula;
    numbers_[id] = number_of_.get(formula, [&] {
      const int next = static_cast<int>(by_text_.size());
      return by_text_.emplace(text_of(*formula), next).first->second;
    });
    return *first_.insert(id).first;
  }
  int64_t formulas_read() const { return number_of_.size(); }

 private:
  struct HashOf {
    const Sharer& sharer;
    size_t operator()(ArrayId id) const {
      size_t hash = static_cast<size_t>(sharer.numbers_[id]);
      for (ArrayId operand : sharer.arrays_[id].operands) {
        hash = (hash ^ static_cast<size_t>(operand)) * 0x9e3779b97f4a7c15ull;
        hash ^= hash >> 32;
      }
      return hash;
    }
  };
  struct Equal {
    const Sharer& sharer;
    bool operator()(ArrayId a, ArrayId b) const {
      return sharer.numbers_[a] == sharer.numbers_[b] &&
             sharer.arrays_[a].operands == sharer.arrays_[b].operands;
    }
  };

  const std::vector<Array>& arrays_;
  std::vector<int> numbers_;  // by array: the same for equal formulas
  Answers<int> number_of_;
  std::unordered_map<std::string, int> by_text_;
  std::unordered_set<ArrayId, HashOf, Equal> first_;
};

}  // namespace

StageGraph prune(StageGraph graph) {
  std::vector<bool> used(graph.arrays.size(), false);
  for (size_t id = graph.arrays.size(); id-- > 0;) {
    Array& array = graph.arrays[id];
    used[id] =
        used[id] || array.stored || std::holds_alternative<Given>(array.kind());
    if (!used[id]) continue;
    for (ArrayId operand : array.operands) used[operand] = true;
  }
  std::vector<ArrayId> moved(graph.arrays.size(), -1);
  size_t count = 0;
  for (size_t id = 0; id < graph.arrays.size(); ++id) {
    if (!used[id]) continue;
    Array& array = graph.arrays[id];
    move_operands(array, moved);
    moved[id] = static_cast<int>(count);
    if (id != count) graph.arrays[count] = std::move(array);
    ++count;
  }
  graph.arrays.resize(count);
  for (ArrayId& id : graph.outputs) id = moved[id];
  return graph;
}

StageGraph share(StageGraph graph) {
  Sharer sharer(graph);
  SlotFiller filler;
  std::vector<ArrayId> moved(graph.arrays.size());
  for (size_t id = 0; id < graph.arrays.size(); ++id) {
    Array& array = graph.arrays[id];
    moved[id] = static_cast<int>(id);
    if (std::holds_alternative<Given>(array.kind())) continue;
    move_operands(array, moved);
    filler.fill(array, FormulaRef(array.formula));
    const ArrayId first = sharer.first_like(moved[id]);
    if (first == moved[id]) continue;
    Array& kept = graph.arrays[first];
    // Two graph values may be one array; an output keeps its place.
    if (array.stored && (kept.at_load || kept.widens)) continue;
    kept.stored = kept.stored || array.stored;
    array.stored = false;  // nothing reads it any more
    if (kept.value < 0) kept.value = array.value;
    moved[id] = first;
  }
  graph.formulas_worked_on += sharer.formulas_read();
  for (ArrayId& id : graph.outputs) id = moved[id];
  return prune(std::move(graph));
}

}  // namespace lathe
