#include "tests/codegen/model_check.h"

#include <functional>
#include <random>
#include <sstream>

#include "codegen/compile.h"
#include "interpreter/elaborate.h"
#include "spec/check.h"
#include "tests/support/compare_tensors.h"
#include "tests/support/elaborate_text.h"
#include "tests/support/loop_runner.h"
#include "tests/support/program_runner.h"

namespace lathe {
namespace {

Tensor random_tensor(const TensorType& type, const DimBindings& dims,
                     std::mt19937& random, bool all_codes) {
  Tensor tensor(type.dtype, eval(type.shape, dims));
  std::uniform_real_distribution<double> real(-1, 1);
  std::bernoulli_distribution coin(0.7);
  // Narrow integers hold packed bits; int64 are indices.
  std::uniform_int_distribution<int64_t> bits(INT32_MIN, INT32_MAX);
  bool packed = is_int(type.dtype) && type.dtype != DType::kInt64;
  const bool codes = all_codes && size_of(type.dtype) == 1;
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    if (codes) {
      tensor.mutable_data()[i] = static_cast<std::byte>(bits(random));
    } else if (is_float(type.dtype)) {
      tensor.set(i, real(random));
    } else {
      tensor.set_int(i, packed ? bits(random) : coin(random) ? 1 : 0);
    }
  }
  return tensor;
}

EvaluateInputs random_inputs(const Graph& graph, const DimBindings& dims,
                             bool all_codes) {
  std::mt19937 random(1);
  EvaluateInputs inputs;
  inputs.dims = dims;
  for (const Node& node : graph.nodes) {
    if (node.kind != NodeKind::kInput && node.kind != NodeKind::kWeight) {
      continue;
    }
    ValueId value = node.outputs[0];
    inputs.tensors[value] =
        random_tensor(graph.values[value].type, dims, random, all_codes);
  }
  return inputs;
}

Graph graph_of_case(const ModelCase& c) {
  Diagnostics diagnostics;
  Model model = elaborate_file(
      make_source("m.yaml", "lathe: 1\nmodel: m\n" + c.yaml), diagnostics);
  LATHE_CHECK(!diagnostics.has_errors(), c.name, ": ",
              render(diagnostics.sorted()));
  return std::move(model.graph);
}

std::string missing_strategies(const ModelCase& c, const Program& program) {
  std::istringstream wanted(c.strategies);
  std::string report, strategy;
  while (wanted >> strategy) {
    bool found = false;
    for (const Kernel& kernel : program.kernels) {
      found = found || kernel.name.rfind(strategy + "_", 0) == 0;
    }
    if (!found) report += cat({c.name, ": no ", strategy, " kernel\n"});
  }
  return report;
}

// Runs the case's graph on the inputs, one way or another.
using Run = std::function<std::vector<Tensor>(const EvaluateInputs&)>;

std::string run_sizes(const ModelCase& c, const Graph& graph, const Run& run) {
  std::string report;
  for (const DimBindings& dims : c.sizes) {
    EvaluateInputs inputs = random_inputs(graph, dims, c.all_codes);
    std::vector<Tensor> wanted = evaluate(graph, inputs);
    std::vector<Tensor> got = run(inputs);
    for (size_t i = 0; i < wanted.size(); ++i) {
      std::string what = difference(got[i], wanted[i], c.terms);
      if (what.empty()) continue;
      std::string sizes;
      for (const auto& [name, size] : dims) {
        sizes += cat({" ", name, "=", size});
      }
      report += cat({c.name, sizes, ": ", what, "\n"});
    }
  }
  return report;
}

}  // namespace

std::vector<DimBindings> sizes_of(const std::string& symbol,
                                  const std::vector<int64_t>& sizes) {
  std::vector<DimBindings> all;
  for (int64_t size : sizes) all.push_back({{symbol, size}});
  return all;
}

std::string failures_of(const std::vector<ModelCase>& cases,
                        const std::string& target, uint64_t seed) {
  ProgramRunner runner(seed);
  return failures_of(runner, cases, target_preset(target));
}

std::string failures_of(Runner& runner, const std::vector<ModelCase>& cases,
                        const Target& target) {
  std::vector<Graph> graphs;
  std::vector<Program> programs;
  std::string report;
  for (const ModelCase& c : cases) {
    graphs.push_back(graph_of_case(c));
    programs.push_back(compile(graphs.back(), target));
    report += missing_strategies(c, programs.back());
    runner.add(programs.back());
  }
  runner.compile();
  for (size_t i = 0; i < cases.size(); ++i) {
    report += run_sizes(cases[i], graphs[i], [&](const EvaluateInputs& in) {
      return runner.run(programs[i], in);
    });
  }
  return report;
}

std::string loop_failures_of(const std::vector<ModelCase>& cases,
                             const std::string& target) {
  std::string report;
  for (const ModelCase& c : cases) {
    const Graph graph = graph_of_case(c);
    const Target machine = target_preset(target);
    report += missing_strategies(c, compile(graph, machine));
    report += run_sizes(c, graph, [&](const EvaluateInputs& in) {
      return run_loops(graph, machine, in);
    });
  }
  return report;
}

}  // namespace lathe
