#include "interpreter/evaluate.h"


#include "interpreter/eval_stage.h"
#include "interpreter/index_fault.h"
#include "spec/check.h"
#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {
namespace {

void check_constraints(const Graph& graph, const DimBindings& dims) {
  std::vector<Diagnostic> failed;
  for (const DimConstraint& constraint : graph.constraints) {
    const int64_t left = constraint.left.eval(dims);
    const int64_t right = constraint.right.eval(dims);
    if (left == right) continue;
    Diagnostic diagnostic;
    diagnostic.code = constraint.code;
    diagnostic.message = constraint.message;
    diagnostic.span = constraint.span;
    for (const auto& [name, size] : dims) {
      diagnostic.notes.push_back(cat({name, " is ", size}));
    }
    failed.push_back(std::move(diagnostic));
  }
  if (!failed.empty()) throw SpecError(std::move(failed));
}

// A given tensor, after a look at its type.
Tensor given(const Graph& graph, const EvaluateInputs& inputs, ValueId id) {
  const Value& value = graph.values[id];
  const auto found = inputs.tensors.find(id);
  LATHE_CHECK(found != inputs.tensors.end(), "no tensor for `", value.name,
              "`");
  const Tensor& tensor = found->second;
  LATHE_CHECK(tensor.dtype() == value.type.dtype &&
                  tensor.shape() == eval(value.type.shape, inputs.dims),
              "`", value.name, "` wants ", to_string(value.type),
              " and gets ", to_string(tensor, 0));
  return tensor;
}

// The position of the last node that reads each value; outputs are read by
// a node behind all others.
std::vector<NodeId> last_uses(const Graph& graph) {
  std::vector<NodeId> last(graph.values.size(), -1);
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    for (ValueId input : graph.nodes[n].inputs) {
      last[input] = static_cast<NodeId>(n);
    }
  }
  for (const GraphOutput& output : graph.outputs) {
    last[output.value] = static_cast<NodeId>(graph.nodes.size());
  }
  return last;
}

std::vector<Tensor> evaluate_op(const Node& node,
                                const std::vector<Tensor>& values,
                                const DimBindings& dims) {
  std::vector<Tensor> operands;
  for (ValueId input : node.inputs) operands.push_back(values[input]);
  try {
    return evaluate(*node.definition, operands, dims, node.op, node.span);
  } catch (SpecError& error) {
    if (!node.path.empty()) error.add_note("in: " + node.path);
    throw;
  }
}

}  // namespace

std::vector<Tensor> evaluate(const Graph& graph, const EvaluateInputs& inputs,
                             const NodeObserver& observer) {
  check_constraints(graph, inputs.dims);
  const std::vector<NodeId> last = last_uses(graph);
  std::vector<Tensor> values(graph.values.size());
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    const NodeId id = static_cast<NodeId>(n);
    if (node.kind == NodeKind::kConstant) {
      values[node.outputs[0]] = *node.constant;
    } else if (node.kind != NodeKind::kOp) {
      if (last[node.outputs[0]] < 0) continue;
      values[node.outputs[0]] = given(graph, inputs, node.outputs[0]);
    } else {
      std::vector<Tensor> results = evaluate_op(node, values, inputs.dims);
      if (observer) observer(id, results);
      for (size_t i = 0; i < results.size(); ++i) {
        values[node.outputs[i]] = std::move(results[i]);
      }
    }
    for (ValueId input : node.inputs) {
      if (last[input] == id) values[input] = Tensor();
    }
  }
  std::vector<Tensor> outputs;
  for (const GraphOutput& output : graph.outputs) {
    outputs.push_back(values[output.value]);
  }
  return outputs;
}

std::vector<Tensor> evaluate(const Definition& definition,
                             const std::vector<Tensor>& operands,
                             const DimBindings& dims,
                             const std::string& op_name,
                             const SourceSpan& site_span) {
  std::vector<Tensor> slots = operands;
  slots.reserve(operands.size() + definition.stages.size());
  const StageSite site{op_name, site_span, writes_at_indices(definition)};
  for (const Stage& stage : definition.stages) {
    slots.push_back(evaluate_stage(stage, slots, dims, site));
  }
  std::vector<Tensor> outputs;
  for (int stage : definition.outputs) {
    outputs.push_back(slots[operands.size() + static_cast<size_t>(stage)]);
  }
  return outputs;
}

}  // namespace lathe
