#include "runtime/reference_executable.h"

#include <chrono>

#include "runtime/bind_dims.h"

namespace lathe {

std::vector<InputInfo> inputs_of(const Graph& graph) {
  std::vector<InputInfo> inputs;
  for (const GraphInput& input : graph.inputs) {
    inputs.push_back({input.name, graph.type(input.value),
                      input.default_value, input.span});
  }
  return inputs;
}

ReferenceExecutable::ReferenceExecutable(const Graph& graph,
                                         const WeightSource& weights,
                                         const Reporter& reporter)
    : graph_(graph), inputs_(inputs_of(graph), reporter) {
  for (const Node& node : graph_.nodes) {
    if (node.kind != NodeKind::kWeight) continue;
    const ValueId value = node.outputs[0];
    Tensor tensor = weights.tensor(graph_.values[size_t(value)].name);
    load_report_.weight_bytes += tensor.bytes();
    weights_.emplace(value, std::move(tensor));
  }
}

std::vector<NamedTensor> ReferenceExecutable::run(
    const std::map<std::string, Tensor>& given, const DimBindings& dims) {
  const auto start = std::chrono::steady_clock::now();
  std::map<std::string, Tensor> tensors = inputs_.convert(given);
  EvaluateInputs values;
  values.dims = bind_dims(inputs(), tensors, dims);
  require_bound(graph_.symbols, inputs(), values.dims);
  check_constraints(graph_.constraints, values.dims);
  inputs_.fill_defaults(tensors, values.dims);
  values.tensors = weights_;
  for (const GraphInput& input : graph_.inputs) {
    values.tensors[input.value] = tensors.at(input.name);
  }
  std::vector<Tensor> results = evaluate(graph_, values, observer_);
  std::vector<NamedTensor> outputs;
  for (size_t i = 0; i < results.size(); ++i) {
    outputs.push_back({graph_.outputs[i].name, std::move(results[i])});
  }
  run_report_.seconds = std::chrono::duration<double>(
                            std::chrono::steady_clock::now() - start)
                            .count();
  return outputs;
}

}  // namespace lathe
