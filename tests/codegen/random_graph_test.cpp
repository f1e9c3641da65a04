// Random graphs of all ops: fused kernels, and the generic loop nests alone,
// against the reference. A graph that fails is shrunk and printed.
//
// How close results must be depends on the graph: it may amplify roundings, or
// turn them into another argmax. So the reference runs again with every value
// moved by a few roundings, and what changes there may change here.

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <random>

#include "codegen/compile.h"
#include "spec/check.h"
#include "spec/diagnostic.h"
#include "tests/support/compare_tensors.h"
#include "tests/support/program_runner.h"
#include "tests/support/random_graph.h"

namespace lathe {
namespace {

constexpr uint64_t kGraphs = 40;
constexpr int kSteps = 10;
constexpr uint64_t kMoves = 6;

// One rounding of the coarsest float type that a value of the graph has.
double rounding_of(const Graph& graph) {
  double largest = 0x1p-23;
  for (const Value& value : graph.values) {
    const DType dtype = value.type.dtype;
    if (dtype == DType::kFloat16) largest = std::max(largest, 0x1p-10);
    if (dtype == DType::kBFloat16) largest = 0x1p-7;
  }
  return largest;
}

// The tensor with every float moved up or down by a part of itself.
Tensor moved(const Tensor& tensor, double by, std::mt19937_64& random) {
  if (!is_float(tensor.dtype())) return tensor;
  Tensor changed(tensor.dtype(), tensor.shape());
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    const double sign = random() % 2 == 0 ? 1 : -1;
    changed.set(i, tensor.at(i) * (1 + sign * by));
  }
  return changed;
}

// The outputs where inputs and the results of every op are moved.
std::vector<Tensor> evaluate_moved(const Graph& graph,
                                   const EvaluateInputs& inputs, double by,
                                   uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Tensor> values(graph.values.size());
  for (const auto& [id, tensor] : inputs.tensors) {
    values[id] = moved(tensor, by, random);
  }
  for (const Node& node : graph.nodes) {
    if (node.kind == NodeKind::kConstant) {
      values[node.outputs[0]] = *node.constant;
    }
    if (node.kind != NodeKind::kOp) continue;
    std::vector<Tensor> operands;
    for (ValueId id : node.inputs) operands.push_back(values[id]);
    const std::vector<Tensor> results = evaluate(
        *node.definition, operands, inputs.dims, node.op, node.span);
    for (size_t i = 0; i < results.size(); ++i) {
      values[node.outputs[i]] = moved(results[i], by, random);
    }
  }
  std::vector<Tensor> outputs;
  for (const GraphOutput& output : graph.outputs) {
    outputs.push_back(values[output.value]);
  }
  return outputs;
}

// Replaces by the wanted value what the moves changed by more than `got` is
// off; integers where the moves changed them at all.
Tensor forgiven(const Tensor& got, const Tensor& wanted,
                const std::vector<Tensor>& moves) {
  if (got.shape() != wanted.shape() || got.dtype() != wanted.dtype()) {
    return got;
  }
  Tensor result(got.dtype(), got.shape());
  for (int64_t i = 0; i < got.numel(); ++i) {
    double spread = 0;
    bool changes = false;
    for (const Tensor& move : moves) {
      const double difference = move.at(i) - wanted.at(i);
      spread = std::max(spread, std::fabs(difference));
      changes |= !(difference == 0);
    }
    const double error = std::fabs(got.at(i) - wanted.at(i));
    const bool forgive =
        changes && (!is_float(got.dtype()) || !(error > 8 * spread));
    if (is_float(got.dtype())) {
      result.set(i, forgive ? wanted.at(i) : got.at(i));
    } else {
      result.set_int(i, forgive ? wanted.int_at(i) : got.int_at(i));
    }
  }
  return result;
}

// The first difference at these sizes, or nothing.
std::string difference_at(ProgramRunner& runner, const Program& program,
                          const OpSample& sample, const DimBindings& dims) {
  const EvaluateInputs inputs = sample_inputs(sample, dims, 7);
  const double rounding = rounding_of(sample.graph);
  std::vector<Tensor> wanted;
  std::vector<std::vector<Tensor>> moves;  // by output
  try {
    wanted = evaluate(sample.graph, inputs);
    moves.resize(wanted.size());
    for (uint64_t seed = 0; seed < kMoves; ++seed) {
      const std::vector<Tensor> other =
          evaluate_moved(sample.graph, inputs, 2 * rounding, seed);
      for (size_t i = 0; i < other.size(); ++i) moves[i].push_back(other[i]);
    }
  } catch (const SpecError&) {
    return "";  // an index out of range; other tests hold those
  }
  const std::vector<Tensor> got = runner.run(program, inputs);
  for (size_t i = 0; i < wanted.size(); ++i) {
    constexpr int64_t kTerms = 1000;
    const std::string what = difference(
        forgiven(got[i], wanted[i], moves[i]), wanted[i], kTerms);
    if (!what.empty()) {
      return cat({sample.graph.outputs[i].name, " at B=", dims.at("B"), ": ",
                  what});
    }
  }
  return "";
}

std::string difference_of(ProgramRunner& runner, const Program& program,
                          const OpSample& sample,
                          const std::vector<DimBindings>& sizes) {
  for (const DimBindings& dims : sizes) {
    std::string what = difference_at(runner, program, sample, dims);
    if (!what.empty()) return what;
  }
  return "";
}

// Every fourth graph takes the generic loop nests only.
Program compile_for(uint64_t seed, const Graph& graph,
                    const std::string& target) {
  CompileOptions options;
  options.generic_only = seed % 4 == 3;
  return compile(graph, target_preset(target), options);
}

// Compiles and compares one graph by itself.
std::string difference_of(uint64_t seed, const OpSample& sample,
                          const std::string& target,
                          const std::vector<DimBindings>& sizes) {
  ProgramRunner runner;
  const Program program = compile_for(seed, sample.graph, target);
  runner.add(program);
  runner.compile();
  return difference_of(runner, program, sample, sizes);
}

// The graphs of `count` seeds at these sizes.
void check_graphs(const std::string& target, uint64_t first, uint64_t count,
                  int steps, const std::vector<DimBindings>& sizes) {
  ProgramRunner runner;
  std::vector<OpSample> samples;
  std::vector<Program> programs;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    CAPTURE(seed);
    samples.push_back(random_graph(seed, steps));
    programs.push_back(compile_for(seed, samples.back().graph, target));
    runner.add(programs.back());
  }
  runner.compile();
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t seed = first + i;
    CAPTURE(seed);
    std::string what;
    try {
      what = difference_of(runner, programs[i], samples[i], sizes);
    } catch (const InternalError& error) {
      FAIL_CHECK(error.what() << "\n" << to_string(samples[i].graph));
    }
    if (what.empty()) continue;
    const OpSample smallest = shrink(samples[i], [&](const OpSample& part) {
      return !difference_of(seed, part, target, sizes).empty();
    });
    FAIL_CHECK(what << "\nsmallest graph that fails: "
                    << difference_of(seed, smallest, target, sizes) << "\n"
                    << to_string(smallest.graph));
  }
}

}  // namespace

TEST_CASE("random graphs: kernels agree with the reference") {
  check_graphs("avx2", 0, kGraphs, kSteps, random_graph_bindings());
}

// LATHE_SEED is the first of the seeds. GPUs are emulated.
TEST_CASE("random graphs: many, at odd sizes, for several targets, compiled" *
          doctest::skip()) {
  const char* text = std::getenv("LATHE_SEED");
  uint64_t seed = text ? std::strtoull(text, nullptr, 10) : 1000;
  for (const char* target :
       {"avx2", "sm_80", "avx2", "generic", "avx2", "sm_90a", "avx2", "avx512"}) {
    CAPTURE(target);
    check_graphs(target, seed, kGraphs, 2 * kSteps,
                 {{{"B", 3}}, {{"B", 7}}, {{"B", 33}}});
    seed += kGraphs;
  }
}

}  // namespace lathe
