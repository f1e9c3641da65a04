// Holds a model and times it when told to, for a script that lets it take
// turns with another program.
//
//   worker SPEC WEIGHTS THREADS [--device NAME] NAME=VALUE...
//
// Answers each line of standard input with one line, "ok" first:
//   time X RUNS     runs it on the tensors of a safetensors file; the seconds
//                   of one run, on average
//   steps X RUNS    the same of its steps alone, without copies to and from
//                   the device; with --device
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

#include "runtime/engine.h"
#include "runtime/safetensors.h"
#include "tests/support/load_model.h"

namespace lathe {
namespace {

double seconds_of(Executable& model, const std::map<std::string, Tensor>& x,
                  int runs) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < runs; ++i) model.run(x);
  const std::chrono::duration<double> taken =
      std::chrono::steady_clock::now() - start;
  return taken.count() / runs;
}

// Of the device's own clock.
double step_seconds_of(Executable& model,
                       const std::map<std::string, Tensor>& x, int runs) {
  int64_t nanoseconds = 0;
  for (int i = 0; i < runs; ++i) {
    model.run(x);
    for (const StepTime& step : model.run_report().steps) {
      nanoseconds += step.nanoseconds;
    }
  }
  return static_cast<double>(nanoseconds) * 1e-9 / runs;
}

void answer(Executable& model, const std::string& line) {
  std::istringstream words(line);
  std::string verb, path;
  words >> verb >> path;
  if (verb == "time" || verb == "steps") {
    int runs = 1;
    words >> runs;
    const auto seconds = verb == "time" ? seconds_of : step_seconds_of;
    std::cout << "ok " << seconds(model, read_tensors(path), runs)
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
        "usage: worker SPEC WEIGHTS THREADS [--device NAME] NAME=VALUE...");
  }
  Options options = options_from_environment();
  options.threads = std::stoi(args[2]);
  std::vector<std::pair<std::string, std::string>> params;
  size_t first = 3;
  if (args.size() > 4 && args[3] == "--device") {
    options.device = args[4];
    options.profile = true;
    first = 5;
  }
  for (size_t i = first; i < args.size(); ++i) {
    const size_t equals = args[i].find('=');
    params.emplace_back(args[i].substr(0, equals), args[i].substr(equals + 1));
  }
  Engine engine(options);
  const std::unique_ptr<Executable> model =
      load_model(engine, args[0], args[1], std::move(params));
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
