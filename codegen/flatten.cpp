#include <algorithm>
#include <unordered_map>

#include "codegen/passes.h"
#include "codegen/rewrite.h"
#include "spec/text.h"

namespace lathe {
namespace {

class Flattener {
 public:
  Flattener(const Graph& graph, const CompileOptions& options)
      : graph_(graph), options_(options) {
    array_of_.assign(graph.values.size(), -1);
  }

  StageGraph run() {
    for (size_t id = 0; id < graph_.nodes.size(); ++id) {
      const Node& node = graph_.nodes[id];
      out_.ops.push_back(node.kind == NodeKind::kOp ? node.op : "copy");
      if (node.kind == NodeKind::kOp) {
        add_op(node, static_cast<NodeId>(id));
      } else {
        add_given(node, static_cast<NodeId>(id));
      }
    }
    for (const GraphOutput& output : graph_.outputs) {
      ArrayId id = array_of_[output.value];
      if (out_.is_given(id)) id = add_copy(id);
      out_.arrays[id].stored = true;
      out_.outputs.push_back(id);
    }
    return std::move(out_);
  }

 private:
  void add_given(const Node& node, NodeId id) {
    Array array;
    array.value = node.outputs[0];
    const Value& value = graph_.values[array.value];
    array.name = value.name;
    array.formula = given_formula(node.kind, value.type);
    array.node = id;
    array_of_[array.value] = static_cast<int>(out_.arrays.size());
    out_.arrays.push_back(std::move(array));
  }

  FormulaRef given_formula(NodeKind kind, const TensorType& type) {
    auto make = [&] {
      return std::make_shared<const Formula>(
          Formula{type.dtype, type.shape, {}, Given{kind}});
    };
    if (!options_.share_formulas) return make();
    Question question;
    question.add(static_cast<int>(kind));
    question.add(to_string(type));
    return given_.get(question, make);
  }

  void add_op(const Node& node, NodeId id) {
    const Definition& definition = *node.definition;
    std::vector<ArrayId> slots;
    slots.reserve(node.inputs.size() + definition.stages.size());
    for (ValueId input : node.inputs) slots.push_back(array_of_[input]);
    const std::vector<NumberedFormula>& formulas = formulas_of(definition, id);
    for (size_t s = 0; s < definition.stages.size(); ++s) {
      const Stage& stage = definition.stages[s];
      Array array;
      array.name = stage.name.empty() ? node.op : stage.name;
      array.work = {id};
      array.node = id;
      filler_.fill(array, formulas[s], slots);
      slots.push_back(static_cast<int>(out_.arrays.size()));
      out_.arrays.push_back(std::move(array));
    }
    for (size_t i = 0; i < definition.outputs.size(); ++i) {
      ArrayId array = slots[definition.inputs + definition.outputs[i]];
      array_of_[node.outputs[i]] = array;
      out_.arrays[array].value = node.outputs[i];
      if (options_.keep_all_values) out_.arrays[array].stored = true;
    }
  }

  // Of the stages. Nodes with one definition share them, but for those that
  // must be told apart to say whose index is out of range.
  const std::vector<NumberedFormula>& formulas_of(const Definition& definition,
                                                  NodeId id) {
    auto [it, inserted] = formulas_.emplace(&definition, Formulas());
    Formulas& known = it->second;
    if (!inserted && known.shared) return known.stages;
    known = {{}, options_.share_formulas};
    for (const Stage& stage : definition.stages) {
      known.stages.push_back(number_slots(formula_of(stage, id)));
      ++out_.formulas_worked_on;
      known.shared = known.shared && !checks_indices(stage);
    }
    return known.stages;
  }

  static bool checks_indices(const Stage& stage) {
    ArrayKind kind;
    std::visit([&](const auto& k) { kind = k; }, stage.kind);
    const std::vector<Expr> exprs = expressions_of(kind);
    return std::any_of(exprs.begin(), exprs.end(), [](const Expr& expr) {
      return contains<CheckedIndex>(expr);
    });
  }

  static Formula formula_of(const Stage& stage, NodeId id) {
    Formula formula{stage.dtype, stage.shape, stage.axes, {}};
    std::visit([&](const auto& kind) { formula.kind = kind; }, stage.kind);
    std::vector<Expr> exprs = expressions_of(formula.kind);
    for (size_t i = 0; i < exprs.size(); ++i) {
      exprs[i] = placed(exprs[i], loops_around(formula, i), id);
    }
    formula.kind = with_expressions(formula.kind, std::move(exprs));
    return formula;
  }

  // The expression of node `id`, its checks with their place.
  static Expr placed(const Expr& expr, const std::vector<ReduceAxis>& loops,
                     NodeId id) {
    Rewriter place([&](const Expr& e) -> Expr {
      if (auto* check = std::get_if<CheckedIndex>(&e->node)) {
        if (check->site < 0) {
          return checked_index(check->index, check->extent,
                               first_use(check->index, loops), id);
        }
      }
      return {};
    });
    return place(expr);
  }

  // The flat position in the loops where `index` has its value first. It
  // mentions no variable but those of the index, so that the check can move
  // as far out of the loops as the index.
  static Expr first_use(const Expr& index,
                        const std::vector<ReduceAxis>& loops) {
    auto used = free_vars(index);
    Expr flat = int_literal(0);
    for (const ReduceAxis& loop : loops) {
      Expr at = used.count(loop.var.get()) ? var(loop.var) : int_literal(0);
      flat = flat * size_of(loop.extent) + at;
    }
    return flat;
  }

  // An output that is an input or a weight: it needs memory of its own.
  ArrayId add_copy(ArrayId of) {
    const Array& from = out_.arrays[of];
    Array copy;
    copy.name = "copy";
    copy.work = {from.node};
    copy.node = from.node;
    copy.value = from.value;
    Formula formula{from.dtype(), from.shape(), {}, {}};
    std::vector<Expr> index;
    for (size_t i = 0; i < formula.shape.size(); ++i) {
      formula.axes.push_back(make_var(cat({"i", i})));
      index.push_back(var(formula.axes.back()));
    }
    formula.kind = Compute{load(0, formula.dtype, std::move(index))};
    copy.formula = std::make_shared<const Formula>(std::move(formula));
    copy.operands = {of};
    out_.arrays.push_back(std::move(copy));
    return static_cast<int>(out_.arrays.size()) - 1;
  }

  // Those of a definition.
  struct Formulas {
    std::vector<NumberedFormula> stages;
    bool shared = false;
  };

  const Graph& graph_;
  const CompileOptions& options_;
  std::unordered_map<const Definition*, Formulas> formulas_;
  Answers<FormulaRef> given_;
  SlotFiller filler_;
  std::vector<ArrayId> array_of_;  // by value
  StageGraph out_;
};

}  // namespace

StageGraph flatten(const Graph& graph, const CompileOptions& options) {
  return Flattener(graph, options).run();
}

}  // namespace lathe
