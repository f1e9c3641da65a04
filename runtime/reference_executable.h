#pragma once
// `--device reference`: the graph evaluated by the reference engine, behind
// the same interface as a compiled model.

#include <memory>

#include "interpreter/evaluate.h"
#include "runtime/executable.h"
#include "runtime/report.h"
#include "runtime/run_inputs.h"
#include "runtime/weight_source.h"

namespace lathe {

class ReferenceExecutable : public Executable {
 public:
  ReferenceExecutable(const Graph& graph, const WeightSource& weights,
                      const Reporter& reporter);

  const std::vector<InputInfo>& inputs() const override {
    return inputs_.infos();
  }
  std::vector<NamedTensor> run(const std::map<std::string, Tensor>& inputs,
                               const DimBindings& dims) override;
  // Calls `observer` after each node of the runs to come.
  void observe(NodeObserver observer) { observer_ = std::move(observer); }

  const LoadReport& load_report() const override { return load_report_; }
  const RunReport& run_report() const override { return run_report_; }

 private:
  Graph graph_;
  RunInputs inputs_;
  std::map<ValueId, Tensor> weights_;
  NodeObserver observer_;
  LoadReport load_report_;
  RunReport run_report_;
};

// The inputs that a graph declares.
std::vector<InputInfo> inputs_of(const Graph& graph);

}  // namespace lathe
