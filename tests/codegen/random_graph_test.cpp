// Random graphs of all ops: fused kernels, and the generic loop nests alone,
// against the reference.

#include "tests/support/random_graph.h"

#include <doctest/doctest.h>

#include "codegen/compile.h"
#include "spec/check.h"
#include "spec/diagnostic.h"
#include "tests/support/compare_tensors.h"
#include "tests/support/program_runner.h"

namespace lathe {
namespace {

constexpr uint64_t kGraphs = 40;
constexpr int kSteps = 10;
// Errors of one op grow through the next ones.
constexpr int64_t kTerms = 4096;

// The outputs as text where they differ; errors of the user count as results.
std::string compare(ProgramRunner& runner, const Program& program,
                    const OpSample& sample, const EvaluateInputs& inputs) {
  std::vector<Tensor> wanted;
  try {
    wanted = evaluate(sample.graph, inputs);
  } catch (const SpecError&) {
    return "";  // an index out of range: what else is computed does not count
  }
  std::vector<Tensor> got = runner.run(program, inputs);
  std::string report;
  for (size_t i = 0; i < wanted.size(); ++i) {
    // A float64 may come from float32 by a cast.
    bool wide = got[i].dtype() == DType::kFloat64;
    std::string what =
        wide ? difference(convert(got[i], DType::kFloat32),
                          convert(wanted[i], DType::kFloat32), kTerms)
             : difference(got[i], wanted[i], kTerms);
    if (!what.empty()) report += cat({"output ", i, ": ", what, "\n"});
  }
  return report;
}

}  // namespace

TEST_CASE("random graphs: fused kernels agree with the reference") {
  std::vector<OpSample> samples;
  std::vector<Program> programs;
  ProgramRunner runner;
  for (uint64_t seed = 0; seed < kGraphs; ++seed) {
    samples.push_back(random_graph(seed, kSteps));
    CompileOptions options;
    options.generic_only = seed % 4 == 3;
    programs.push_back(
        compile(samples.back().graph, target_preset("avx2"), options));
    runner.add(programs.back());
  }
  runner.compile();
  for (uint64_t seed = 0; seed < kGraphs; ++seed) {
    CAPTURE(seed);
    CAPTURE(to_string(samples[seed].graph));
    for (const DimBindings& dims : random_graph_bindings()) {
      EvaluateInputs inputs = sample_inputs(samples[seed], dims, seed);
      CHECK_EQ(compare(runner, programs[seed], samples[seed], inputs), "");
    }
  }
}

}  // namespace lathe
