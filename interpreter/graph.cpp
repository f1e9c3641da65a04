#include "interpreter/graph.h"

#include "spec/check.h"
#include "spec/text.h"

namespace lathe {
namespace {

ValueId add_value(Graph& graph, std::string name, TensorType type,
                  int output) {
  const ValueId id = static_cast<ValueId>(graph.values.size());
  const NodeId node = static_cast<NodeId>(graph.nodes.size());
  graph.values.push_back({std::move(name), std::move(type), node, output});
  return id;
}

// Adds a node with one output and no inputs.
ValueId add_source(Graph& graph, Node node, std::string name,
                   TensorType type) {
  const ValueId id = add_value(graph, std::move(name), std::move(type), 0);
  node.outputs = {id};
  graph.nodes.push_back(std::move(node));
  return id;
}

}  // namespace

std::string to_string(const TensorType& type) {
  return cat({to_string(type.dtype), to_string(type.shape)});
}

ValueId Graph::add_input(GraphInput input, TensorType type) {
  Node node;
  node.kind = NodeKind::kInput;
  node.op = "input";
  node.span = input.span;
  input.value =
      add_source(*this, std::move(node), input.name, std::move(type));
  inputs.push_back(std::move(input));
  return inputs.back().value;
}

ValueId Graph::add_weight(std::string weight, TensorType type,
                          SourceSpan span) {
  Node node;
  node.kind = NodeKind::kWeight;
  node.op = "weight";
  node.span = std::move(span);
  return add_source(*this, std::move(node), std::move(weight),
                    std::move(type));
}

ValueId Graph::add_constant(std::string constant,
                            std::shared_ptr<const Tensor> tensor) {
  TensorType type{tensor->dtype(), {}};
  for (int64_t size : tensor->shape()) type.shape.emplace_back(size);
  Node node;
  node.kind = NodeKind::kConstant;
  node.op = "constant";
  node.constant = std::move(tensor);
  return add_source(*this, std::move(node), std::move(constant),
                    std::move(type));
}

std::vector<ValueId> Graph::add_op(Node node) {
  LATHE_CHECK(node.definition != nullptr, node.op, " has no definition");
  const Definition& definition = *node.definition;
  node.kind = NodeKind::kOp;
  node.outputs.clear();
  for (size_t i = 0; i < definition.outputs.size(); ++i) {
    const Stage& stage = definition.stages[definition.outputs[i]];
    node.outputs.push_back(add_value(*this, node.op,
                                     {stage.dtype, stage.shape},
                                     static_cast<int>(i)));
  }
  nodes.push_back(std::move(node));
  return nodes.back().outputs;
}

namespace {

std::string id_list(const std::vector<ValueId>& ids) {
  std::string text;
  for (ValueId id : ids) text += cat({text.empty() ? "%" : ", %", id});
  return text;
}

// What stands right of the "=".
std::string call_text(const Graph& graph, const Node& node) {
  const std::string& name = graph.values[node.outputs[0]].name;
  if (node.kind != NodeKind::kOp) return cat({node.op, " ", name});
  std::string args = id_list(node.inputs);
  if (!args.empty() && !node.attributes.empty()) args += ", ";
  return cat({node.op, "(", args, node.attributes, ")"});
}

std::string node_text(const Graph& graph, const Node& node) {
  std::string types;
  for (ValueId id : node.outputs) {
    types += (types.empty() ? "" : ", ") + to_string(graph.type(id));
  }
  std::string text = cat({id_list(node.outputs), " = ",
                          call_text(graph, node), " ", types});
  const std::string& name = graph.values[node.outputs[0]].name;
  if (node.kind == NodeKind::kOp && name != node.op) {
    text += "  # " + name;
  }
  return text + "\n";
}

}  // namespace

std::string to_string(const Graph& graph) {
  std::string text;
  for (const Node& node : graph.nodes) text += node_text(graph, node);
  for (const GraphOutput& output : graph.outputs) {
    text += cat({"output ", output.name, " = %", output.value, "\n"});
  }
  for (const DimConstraint& constraint : graph.constraints) {
    text += cat({"require ", constraint.left.to_string(), " == ",
                 constraint.right.to_string(), "\n"});
  }
  return text;
}

}  // namespace lathe
