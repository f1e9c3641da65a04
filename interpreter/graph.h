#pragma once
// The graph of a model: nodes at op level, in topological order, each with
// its definition. SSA: a value is made once. A graph owns its nodes; everyone
// else holds ids. It is printable, verifiable, and knows no device.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "interpreter/definition.h"
#include "interpreter/tensor.h"
#include "spec/source.h"

namespace lathe {

using ValueId = int;
using NodeId = int;

struct TensorType {
  DType dtype = DType::kFloat32;
  Shape shape;
};
std::string to_string(const TensorType& type);

enum class NodeKind : uint8_t {
  kInput,     // a model input
  kWeight,    // a tensor of the checkpoint (its stored dtype and shape)
  kConstant,  // a literal tensor
  kOp,
};

struct Value {
  std::string name;  // as the user calls it, or made from the op's name
  TensorType type;
  NodeId node = -1;
  int output = 0;
};

struct Node {
  NodeKind kind = NodeKind::kOp;
  std::string op;  // for printing, errors and profiles; never branched on
  std::string attributes;  // printed form, "axis=-1"
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::shared_ptr<const Definition> definition;  // kOp
  std::shared_ptr<const Tensor> constant;        // kConstant
  std::string path;  // enclosing layer's path, "model.layers.0.mlp"
  SourceSpan span;   // the call in the user's file
};

// Equality of two dims that depends on symbols: assumed while building,
// checked when the dims are bound, before any kernel runs.
struct DimConstraint {
  Dim left, right;
  std::string code;     // of the error, "L0402"
  std::string message;  // the same message that `check` would give
  SourceSpan span;
};

// A weight as a layer of the graph declared it, under its full path.
struct GraphWeight {
  std::string path;  // "model.layers.0.mlp.gate_proj.weight"
  TensorType type;
  std::string init;  // the declared initial value's expression, may be empty
  SourceSpan span;
  ValueId value = -1;  // what the layers read
};

struct GraphInput {
  std::string name;
  ValueId value = -1;
  std::optional<double> default_value;  // the input is optional
  SourceSpan span;
};
struct GraphOutput {
  std::string name;
  ValueId value = -1;
};

struct Graph {
  std::string name;
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<GraphInput> inputs;
  std::vector<GraphOutput> outputs;
  std::vector<GraphWeight> weights;
  std::vector<DimConstraint> constraints;
  std::vector<std::string> symbols;  // dims bound at run time, in order
  // Definitions made so far, by op, attributes and operand types: equal calls
  // share one.
  std::unordered_map<std::string, std::shared_ptr<const Definition>>
      definitions;

  const TensorType& type(ValueId id) const { return values[id].type; }
  ValueId add_input(GraphInput input, TensorType type);
  ValueId add_weight(std::string name, TensorType type, SourceSpan span);
  ValueId add_constant(std::string name, std::shared_ptr<const Tensor> tensor);
  // Appends an op node and returns its outputs' ids. Requires: the node's
  // definition is set and its inputs exist.
  std::vector<ValueId> add_op(Node node);
};

// One line a node: "%5 = softmax(%4, axis=-1) float32[B, T]  # attn".
std::string to_string(const Graph& graph);
// Throws InternalError when ids, shapes or slots do not fit together.
void verify(const Graph& graph);

}  // namespace lathe
