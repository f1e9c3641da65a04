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
    array.kind = Given{node.kind};
    array.value = node.outputs[0];
    const Value& value = graph_.values[array.value];
    array.name = value.name;
    array.dtype = value.type.dtype;
    array.shape = value.type.shape;
    array.node = id;
    array_of_[array.value] = static_cast<int>(out_.arrays.size());
    out_.arrays.push_back(std::move(array));
  }

  void add_op(const Node& node, NodeId id) {
    const Definition& definition = *node.definition;
    std::vector<ArrayId> slots;
    for (ValueId input : node.inputs) slots.push_back(array_of_[input]);
    for (const Stage& stage : definition.stages) {
      slots.push_back(static_cast<int>(out_.arrays.size()));
      out_.arrays.push_back(array_of_stage(node, stage, id, slots));
    }
    for (size_t i = 0; i < definition.outputs.size(); ++i) {
      ArrayId array = slots[definition.inputs + definition.outputs[i]];
      array_of_[node.outputs[i]] = array;
      out_.arrays[array].value = node.outputs[i];
      if (options_.keep_all_values) out_.arrays[array].stored = true;
    }
  }

  Array array_of_stage(const Node& node, const Stage& stage, NodeId id,
                       const std::vector<ArrayId>& slots) {
    Array array;
    array.name = stage.name.empty() ? node.op : stage.name;
    array.work[id] = node.op;
    array.dtype = stage.dtype;
    array.shape = stage.shape;
    array.axes = stage.axes;
    array.node = id;
    std::visit([&](const auto& kind) { array.kind = kind; }, stage.kind);
    std::vector<Expr> exprs = expressions_of(array.kind);
    for (size_t i = 0; i < exprs.size(); ++i) {
      exprs[i] = placed(exprs[i], loops_around(array, i), id, slots);
    }
    array.kind = with_expressions(array.kind, std::move(exprs));
    return array;
  }

  // The expression of node `id` over arrays, its checks with their place.
  static Expr placed(const Expr& expr, const std::vector<ReduceAxis>& loops,
                     NodeId id, const std::vector<ArrayId>& slots) {
    Rewriter place([&](const Expr& e) -> Expr {
      if (auto* from = std::get_if<Load>(&e->node)) {
        return load(slots[from->slot], from->dtype, from->index);
      }
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
    copy.work[from.node] = copy.name;
    copy.dtype = from.dtype;
    copy.shape = from.shape;
    copy.node = from.node;
    copy.value = from.value;
    std::vector<Expr> index;
    for (size_t i = 0; i < from.shape.size(); ++i) {
      copy.axes.push_back(make_var(cat({"i", i})));
      index.push_back(var(copy.axes.back()));
    }
    copy.kind = Compute{load(of, from.dtype, std::move(index))};
    out_.arrays.push_back(std::move(copy));
    return static_cast<int>(out_.arrays.size()) - 1;
  }

  const Graph& graph_;
  const CompileOptions& options_;
  std::vector<ArrayId> array_of_;  // by value
  StageGraph out_;
};

}  // namespace

StageGraph flatten(const Graph& graph, const CompileOptions& options) {
  return Flattener(graph, options).run();
}

}  // namespace lathe
