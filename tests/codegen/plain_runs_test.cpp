// Models as a run compiles them, fused, at sizes around those of vectors and
// tiles: `lathe compare` makes every op an output, so that it never sees these
// kernels. The runner puts fences around all buffers; the outputs are compared
// with the reference.

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <random>

#include "codegen/compile.h"
#include "runtime/compare.h"
#include "runtime/model_weights.h"
#include "spec/diagnostic.h"
#include "spec/text.h"
#include "tests/support/error_cases.h"
#include "tests/support/load_model.h"
#include "tests/support/paths.h"
#include "tests/support/program_runner.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// Integers are indices of tokens or masks.
constexpr int64_t kVocabulary = 7;

Tensor made_up(const TensorType& type, const DimBindings& dims,
               std::mt19937_64& random) {
  Tensor tensor(type.dtype, eval(type.shape, dims));
  std::normal_distribution<double> number;
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    if (is_float(type.dtype)) {
      tensor.set(i, number(random));
    } else {
      tensor.set_int(i, static_cast<int64_t>(random() % kVocabulary));
    }
  }
  return tensor;
}

EvaluateInputs inputs_of(const Graph& graph, const WeightSource& weights,
                         const DimBindings& dims) {
  std::mt19937_64 random(1);
  EvaluateInputs inputs;
  inputs.dims = dims;
  for (const Node& node : graph.nodes) {
    const ValueId id = node.outputs[0];
    if (node.kind == NodeKind::kInput) {
      inputs.tensors[id] = made_up(graph.type(id), dims, random);
    } else if (node.kind == NodeKind::kWeight) {
      inputs.tensors[id] = weights.tensor(graph.values[id].name);
    }
  }
  return inputs;
}

// Differences at the sizes, one a line. Sizes that the model has no answer for,
// such as an index beyond a table, have none here either.
std::string failures_at(ProgramRunner& runner, const Program& program,
                        const Graph& graph, const EvaluateInputs& inputs) {
  std::vector<Tensor> wanted;
  try {
    wanted = evaluate(graph, inputs);
  } catch (const SpecError&) {
    return "";
  }
  const std::vector<double> allowed = tolerances(graph);
  const std::vector<Tensor> got = runner.run(program, inputs);
  std::string report;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const GraphOutput& output = graph.outputs[i];
    const Difference found = measure_difference(got[i], wanted[i]);
    if (found.relative <= 4 * allowed[size_t(output.value)]) continue;
    report += cat({output.name, " differs by ", std::to_string(found.relative),
                   " at ", position_text(wanted[i].shape(), found.position),
                   "\n"});
  }
  return report;
}

// The model at every size; the first symbol is of the size before, so that
// rows and columns differ.
std::string failures_of(const std::string& file, const std::string& weights,
                        const std::vector<int64_t>& sizes) {
  const OpenedModel opened = open_model(file, weights);
  const Graph& graph = opened.model.graph;
  const ModelWeights source(weight_recipes(opened.model), opened.checkpoint);
  const Program program = compile(graph, target_preset("avx2"));
  ProgramRunner runner;
  runner.add(program);
  runner.compile();
  std::string report;
  for (size_t i = 0; i < sizes.size(); ++i) {
    DimBindings dims;
    for (const std::string& symbol : graph.symbols) {
      dims[symbol] = dims.empty() && graph.symbols.size() > 1
                         ? std::min<int64_t>(sizes[i], 3)
                         : sizes[i];
    }
    const std::string failures =
        failures_at(runner, program, graph, inputs_of(graph, source, dims));
    if (!failures.empty()) report += cat({file, " at ", sizes[i], ": ", failures});
  }
  return report;
}

// The files below the folder that are models, and not of layers.
std::vector<fs::path> models_below(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const bool is_model =
        entry.path().extension() == ".yaml" &&
        read_test_file(entry.path()).find("\nmodel: ") != std::string::npos;
    if (is_model) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

TEST_CASE("plain runs: golden models and examples at odd sizes") {
  for (const char* folder : {"tests/golden", "examples"}) {
    for (const fs::path& file : models_below(source_dir() / folder)) {
      // Its weights are elsewhere.
      if (file.filename() == "minilm.yaml") continue;
      CAPTURE(file);
      CHECK_EQ(failures_of(file.string(), "", {1, 17}), "");
    }
  }
}

// LATHE_MODELS is a folder of models, each NAME.yaml with its weights in the
// folder NAME, or with made-up ones.
TEST_CASE("plain runs: a folder of models, compiled" * doctest::skip()) {
  const char* folder = std::getenv("LATHE_MODELS");
  for (const fs::path& file :
       models_below(folder ? fs::path(folder) : source_dir() / "examples")) {
    if (file.filename() == "minilm.yaml") continue;
    const fs::path weights = file.parent_path() / file.stem();
    CAPTURE(file);
    CHECK_EQ(failures_of(file.string(),
                         fs::is_directory(weights) ? weights.string() : "",
                         {1, 3, 7, 17, 33, 65, 100}),
             "");
  }
}

}  // namespace lathe
