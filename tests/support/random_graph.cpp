#include "tests/support/random_graph.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "interpreter/op_types.h"
#include "spec/diagnostic.h"
#include "tests/support/random_argument.h"

namespace lathe {
namespace {

constexpr int64_t kMostElements = 6000;
constexpr int64_t kLargestB = 17;
constexpr int kAttempts = 60;

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {
    for (const auto& [name, op] : OpRegistry::instance().all()) {
      ops_.push_back(&op);
    }
    sample_.graph.symbols = {"B"};
    for (int i = 0; i < 3; ++i) add_input(DType::kFloat32, random_shape());
  }

  OpSample run(int steps) {
    for (int i = 0; i < steps; ++i) add_step();
    set_outputs();
    return std::move(sample_);
  }

 private:
  uint64_t pick(uint64_t count) { return random_() % count; }

  Shape random_shape() {
    const Dim sizes[] = {3, 4, 6, Dim::symbol("B")};
    Shape shape;
    for (uint64_t rank = 1 + pick(3); shape.size() < rank;) {
      shape.push_back(sizes[pick(4)]);
    }
    return shape;
  }

  ValueId add_input(DType dtype, const Shape& shape) {
    const std::string name = "in" + std::to_string(sample_.inputs.size());
    const ValueId id = sample_.graph.add_input({name}, {dtype, shape});
    SampleInput input{id, std::nullopt};
    // Indices into axes of the sizes above.
    if (is_int(dtype)) input.below = 3;
    sample_.inputs.push_back(input);
    return id;
  }

  // A value of the class, a fresh input where there is none or for indices.
  OpArg random_tensor(const std::string& dtype_class) {
    std::vector<ValueId> fitting;
    for (size_t id = 0; id < sample_.graph.values.size(); ++id) {
      const DType dtype = sample_.graph.values[id].type.dtype;
      if (in_dtype_class(dtype, dtype_class)) {
        fitting.push_back(static_cast<ValueId>(id));
      }
    }
    OpArg arg;
    if (dtype_class == "int" || fitting.empty()) {
      const DType dtype = dtype_class == "bool" ? DType::kBool
                          : dtype_class == "int" ? DType::kInt64
                                                 : DType::kFloat32;
      arg.value = TensorArg{add_input(dtype, random_shape())};
    } else {
      arg.value = TensorArg{fitting[pick(fitting.size())]};
    }
    return arg;
  }

  // A call with random arguments.
  OpCall random_call(const OpDef& op) {
    OpCall call;
    call.op = &op;
    Shape first;
    for (const OpParam& param : OpRegistry::instance().signature(op).params) {
      if (param.default_value && pick(2) == 0) continue;
      OpArg arg;
      if (param.kind == OpParamKind::kTensor) {
        arg = random_tensor(param.dtype_class);
      } else if (param.kind == OpParamKind::kTensors) {
        OpArgs list;
        for (uint64_t i = 0; i < 2; ++i) {
          list.push_back(random_tensor(param.dtype_class));
        }
        arg.value = list;
      } else {
        arg = random_argument(param, first, random_);
      }
      if (call.keywords.empty()) first = shape_of(arg);
      call.keywords.emplace_back(param.name, arg);
    }
    return call;
  }

  Shape shape_of(const OpArg& arg) const {
    if (const auto* list = std::get_if<OpArgs>(&arg.value)) {
      return list->empty() ? Shape() : shape_of(list->front());
    }
    const auto* tensor = std::get_if<TensorArg>(&arg.value);
    return tensor ? sample_.graph.type(tensor->value).shape : Shape();
  }

  // Whether results are small and need no assumption on sizes.
  bool acceptable(const Graph& graph, const std::vector<ValueId>& results) {
    if (!graph.constraints.empty()) return false;
    return std::all_of(results.begin(), results.end(), [&](ValueId id) {
      const Dim count = numel(graph.type(id).shape);
      return count.eval({{"B", kLargestB}}) <= kMostElements;
    });
  }

  // Adds one op; most random calls are wrong, so tries often.
  void add_step() {
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      const OpSample before = sample_;
      try {
        const OpCall call = random_call(*ops_[pick(ops_.size())]);
        if (acceptable(sample_.graph, apply_op(sample_.graph, call))) return;
      } catch (const SpecError&) {
      }
      sample_ = before;
    }
  }

  void set_outputs() {
    std::vector<bool> read(sample_.graph.values.size());
    for (const Node& node : sample_.graph.nodes) {
      for (ValueId input : node.inputs) read[input] = true;
    }
    for (size_t id = 0; id < read.size(); ++id) {
      const Value& value = sample_.graph.values[id];
      const bool made = sample_.graph.nodes[value.node].kind == NodeKind::kOp;
      if (read[id] || !made) continue;
      sample_.graph.outputs.push_back(
          {"out" + std::to_string(id), static_cast<ValueId>(id)});
    }
  }

  OpSample sample_;
  std::vector<const OpDef*> ops_;
  std::mt19937_64 random_;
};

// The part of a sample that makes `outputs`, with the outputs of the nodes in
// `cut` as inputs.
class Part {
 public:
  Part(const OpSample& whole, const std::vector<GraphOutput>& outputs,
       const std::vector<bool>& cut)
      : whole_(whole), cut_(cut), ids_(whole.graph.values.size(), -1) {
    part_.graph.symbols = whole.graph.symbols;
    part_.graph.constraints = whole.graph.constraints;
    for (const GraphOutput& output : outputs) {
      part_.graph.outputs.push_back({output.name, copy(output.value)});
    }
  }

  OpSample take() { return std::move(part_); }

 private:
  ValueId copy(ValueId id) {
    if (ids_[id] >= 0) return ids_[id];
    const Value& value = whole_.graph.values[id];
    const Node& node = whole_.graph.nodes[value.node];
    if (node.kind == NodeKind::kConstant) {
      return ids_[id] = part_.graph.add_constant(value.name, node.constant);
    }
    if (node.kind != NodeKind::kOp || cut_[value.node]) return as_input(id);
    Node copied = node;
    for (ValueId& input : copied.inputs) input = copy(input);
    const std::vector<ValueId> results = part_.graph.add_op(copied);
    for (size_t i = 0; i < results.size(); ++i) {
      ids_[node.outputs[i]] = results[i];
    }
    return ids_[id];
  }

  ValueId as_input(ValueId id) {
    const std::string name = "in" + std::to_string(part_.inputs.size());
    ids_[id] = part_.graph.add_input({name}, whole_.graph.type(id));
    SampleInput input{ids_[id], std::nullopt};
    for (const SampleInput& known : whole_.inputs) {
      if (known.value == id) input.below = known.below;
    }
    part_.inputs.push_back(input);
    return ids_[id];
  }

  const OpSample& whole_;
  const std::vector<bool>& cut_;
  std::vector<ValueId> ids_;
  OpSample part_;
};

}  // namespace

OpSample random_graph(uint64_t seed, int steps) {
  return Generator(seed).run(steps);
}

OpSample shrink(const OpSample& sample,
                const std::function<bool(const OpSample&)>& fails) {
  const Graph& graph = sample.graph;
  std::vector<bool> cut(graph.nodes.size());
  std::vector<GraphOutput> outputs = graph.outputs;
  const auto still_fails = [&](const std::vector<GraphOutput>& wanted) {
    return fails(Part(sample, wanted, cut).take());
  };
  for (size_t id = 0; id < graph.values.size(); ++id) {
    if (graph.nodes[graph.values[id].node].kind != NodeKind::kOp) continue;
    const std::vector<GraphOutput> one = {{"out", static_cast<ValueId>(id)}};
    if (!still_fails(one)) continue;
    outputs = one;
    break;
  }
  for (size_t node = 0; node < graph.nodes.size(); ++node) {
    if (graph.nodes[node].kind != NodeKind::kOp) continue;
    const bool makes_output =
        std::any_of(outputs.begin(), outputs.end(), [&](const GraphOutput& o) {
          return graph.values[o.value].node == static_cast<NodeId>(node);
        });
    if (makes_output) continue;
    cut[node] = true;
    cut[node] = still_fails(outputs);
  }
  return Part(sample, outputs, cut).take();
}

std::vector<DimBindings> random_graph_bindings() {
  return {{{"B", 3}}, {{"B", 8}}, {{"B", kLargestB}}};
}

}  // namespace lathe
