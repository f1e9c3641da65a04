// Holds a model and times it when told to, for a script that lets it take
// turns with another program.
//
//   worker SPEC WEIGHTS THREADS NAME=VALUE...
//
// Answers each line of standard input with one line, "ok" first:
//   time X RUNS     runs it on the tensors of a safetensors file; the seconds
//                   of one run, on average
//   run X OUT       runs it once and writes all outputs
// Ends with exit status 1 and a message at the first mistake.
#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "interpreter/elaborate.h"
#include "runtime/checkpoint.h"
#include "runtime/engine.h"
#include "runtime/model_target.h"
#include "runtime/model_weights.h"
#include "runtime/safetensors.h"
#include "spec/diagnostic.h"

namespace lathe {
namespace {

using Arguments = std::vector<std::pair<std::string, std::string>>;

std::map<std::string, Tensor> read_tensors(const std::string& path) {
  const SafetensorsFile file(path);
  std::map<std::string, Tensor> tensors;
  for (const FileTensor& row : file.header().tensors) {
    tensors.emplace(row.name, file.read(row));
  }
  return tensors;
}

std::unique_ptr<Executable> load_model(Engine& engine, const std::string& spec,
                                       const std::string& weights,
                                       Arguments overrides) {
  SpecLibrary library;
  Diagnostics diagnostics;
  const ModelTarget target = open_target(spec, weights, library, diagnostics);
  const std::shared_ptr<const Checkpoint> checkpoint =
      open_weights(target, WeightsUse::kNeeded);
  ElaborateInputs inputs;
  inputs.spec = target.spec.get();
  inputs.library = &library;
  inputs.load_spec = load_import;
  inputs.config = target.config;
  if (checkpoint) inputs.checkpoint = checkpoint->header();
  inputs.overrides = std::move(overrides);
  const Model model = elaborate(inputs, diagnostics);
  diagnostics.throw_if_errors();
  require_runnable(model);
  return engine.load(model.graph,
                     std::make_shared<ModelWeights>(model, checkpoint));
}

double seconds_of(Executable& model, const std::map<std::string, Tensor>& x,
                  int runs) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < runs; ++i) model.run(x);
  const std::chrono::duration<double> taken =
      std::chrono::steady_clock::now() - start;
  return taken.count() / runs;
}

void answer(Executable& model, const std::string& line) {
  std::istringstream words(line);
  std::string verb, path;
  words >> verb >> path;
  if (verb == "time") {
    int runs = 1;
    words >> runs;
    std::cout << "ok " << seconds_of(model, read_tensors(path), runs)
              << std::endl;
  } else if (verb == "run") {
    std::string out;
    words >> out;
    write_safetensors(out, model.run(read_tensors(path)));
    std::cout << "ok" << std::endl;
  } else {
    throw std::runtime_error("unknown: " + line);
  }
}

int run_worker(const std::vector<std::string>& args) {
  if (args.size() < 3) {
    throw std::runtime_error(
        "usage: worker SPEC WEIGHTS THREADS NAME=VALUE...");
  }
  Options options = options_from_environment();
  options.threads = std::stoi(args[2]);
  Arguments overrides;
  for (size_t i = 3; i < args.size(); ++i) {
    const size_t equals = args[i].find('=');
    overrides.emplace_back(args[i].substr(0, equals),
                           args[i].substr(equals + 1));
  }
  Engine engine(options);
  const std::unique_ptr<Executable> model =
      load_model(engine, args[0], args[1], std::move(overrides));
  std::cout << "ok" << std::endl;
  for (std::string line; std::getline(std::cin, line);) answer(*model, line);
  return 0;
}

}  // namespace
}  // namespace lathe

int main(int argc, char** argv) try {
  return lathe::run_worker({argv + 1, argv + argc});
} catch (const std::exception& error) {
  std::cout << error.what() << std::endl;
  return 1;
}
