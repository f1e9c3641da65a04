// The invariants of a graph and of the definitions in it.

#include <set>

#include "interpreter/graph.h"
#include "spec/check.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Checks the expressions of one stage.
class StageVerifier {
 public:
  StageVerifier(const std::string& place, const std::vector<TensorType>& slots)
      : place_(place), slots_(slots) {}

  void bind(const Var& v) {
    LATHE_CHECK(bound_.insert(v.get()).second, place_, ": ", v->name,
                " is bound twice");
  }
  void unbind(const Var& v) { bound_.erase(v.get()); }

  void expr(const Expr& e) {
    LATHE_CHECK(e.get() != nullptr, place_, ": an empty expression");
    if (const auto* ref = std::get_if<VarRef>(&e->node)) {
      LATHE_CHECK(bound_.count(ref->var.get()), place_, ": ", ref->var->name,
                  " is not bound");
    } else if (const auto* load = std::get_if<Load>(&e->node)) {
      check_load(*load);
    } else if (const auto* reduce = std::get_if<Reduce>(&e->node)) {
      for (const ReduceAxis& axis : reduce->axes) bind(axis.var);
      expr(reduce->body);
      for (const ReduceAxis& axis : reduce->axes) unbind(axis.var);
      return;
    } else {
      LATHE_CHECK(!std::holds_alternative<Ramp>(e->node), place_,
                  ": a ramp in a definition");
    }
    for (const Expr& child : children_of(e)) expr(child);
  }

 private:
  void check_load(const Load& load) const {
    LATHE_CHECK(load.slot < static_cast<int>(slots_.size()), place_,
                ": no slot ", load.slot, " yet");
    const TensorType& type = slots_[load.slot];
    LATHE_CHECK(load.dtype == type.dtype, place_, ": slot ", load.slot,
                " is read as ", to_string(load.dtype));
    LATHE_CHECK(load.index.size() == type.shape.size(), place_, ": slot ",
                load.slot, " is read with ", load.index.size(), " indices");
  }

  const std::string& place_;
  const std::vector<TensorType>& slots_;
  std::set<const VarInfo*> bound_;
};

struct KindVerifier {
  StageVerifier& verifier;

  void operator()(const Compute& compute) { verifier.expr(compute.body); }
  void operator()(const Scan& scan) { verifier.expr(scan.body); }
  void operator()(const Sort& sort) { verifier.expr(sort.key); }
  void operator()(const Update& update) {
    verifier.expr(update.base);
    for (const ReduceAxis& axis : update.domain) verifier.bind(axis.var);
    for (const Expr& place : update.place) verifier.expr(place);
    verifier.expr(update.update);
  }
};

void verify_definition(const Graph& graph, const Node& node) {
  const Definition& definition = *node.definition;
  LATHE_CHECK(definition.inputs == static_cast<int>(node.inputs.size()),
              node.op, " wants ", definition.inputs, " inputs, has ",
              node.inputs.size());
  std::vector<TensorType> slots;
  for (ValueId id : node.inputs) slots.push_back(graph.type(id));
  for (const Stage& stage : definition.stages) {
    const std::string place = node.op + "." + stage.name;
    LATHE_CHECK(stage.axes.size() == stage.shape.size(), place, ": ",
                stage.axes.size(), " axes for ", to_string(stage.shape));
    StageVerifier verifier(place, slots);
    for (const Var& axis : stage.axes) verifier.bind(axis);
    std::visit(KindVerifier{verifier}, stage.kind);
    slots.push_back({stage.dtype, stage.shape});
  }
  LATHE_CHECK(definition.outputs.size() == node.outputs.size(), node.op,
              ": outputs do not match");
}

void verify_node(const Graph& graph, NodeId id) {
  const Node& node = graph.nodes[id];
  for (ValueId input : node.inputs) {
    LATHE_CHECK(input >= 0 && input < static_cast<int>(graph.values.size()) &&
                    graph.values[input].node < id,
                node.op, " reads %", input, " before it is made");
  }
  LATHE_CHECK(!node.outputs.empty(), node.op, " has no outputs");
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const Value& value = graph.values.at(node.outputs[i]);
    LATHE_CHECK(value.node == id && value.output == static_cast<int>(i),
                node.op, ": output ", i, " belongs to another node");
  }
  if (node.kind == NodeKind::kOp) {
    LATHE_CHECK(node.definition != nullptr, node.op, " has no definition");
    verify_definition(graph, node);
  }
  LATHE_CHECK(node.kind != NodeKind::kConstant || node.constant != nullptr,
              "a constant without a tensor");
}

}  // namespace

void verify(const Graph& graph) {
  for (size_t id = 0; id < graph.nodes.size(); ++id) {
    verify_node(graph, static_cast<NodeId>(id));
  }
  const int count = static_cast<int>(graph.values.size());
  for (const GraphOutput& output : graph.outputs) {
    LATHE_CHECK(output.value >= 0 && output.value < count, "output ",
                output.name, " has no value");
  }
}

}  // namespace lathe
