#pragma once
// The owner of everything that runs: device, kernel cache, thread pool. The
// command line makes one, loads models into it, and runs them.
//
//   Engine engine(options_from_environment());
//   std::unique_ptr<Executable> model = engine.load(graph, weights);
//   std::vector<NamedTensor> outputs = model->run({{"x", x}});

#include <memory>

#include "codegen/program.h"
#include "interpreter/graph.h"
#include "runtime/executable.h"
#include "runtime/options.h"
#include "runtime/pack/pack.h"
#include "runtime/report.h"
#include "runtime/weight_source.h"

namespace lathe {

class Engine {
 public:
  // Throws DeviceError L0701 for a device that does not exist.
  explicit Engine(Options options, Reporter reporter = {});
  ~Engine();

  // What `load` generates code for.
  Target target() const;

  // Compiles the graph, packs its weights and returns it ready to run. On the
  // reference device nothing is compiled. `sizes`: of the first run, where they
  // are known; kernels for other sizes may wait for these.
  std::unique_ptr<Executable> load(const Graph& graph,
                                   std::shared_ptr<const WeightSource> weights,
                                   const DimBindings& sizes = {});

  // The same from a finished program. Requires: not the reference device.
  std::unique_ptr<Executable> load(Program program,
                                   std::shared_ptr<const WeightSource> weights,
                                   const DimBindings& sizes = {});

  // The same from a pack, whose kernels are compiled. Throws DeviceError L0704
  // if they are for another machine.
  std::unique_ptr<Executable> load(const Pack& pack,
                                   std::shared_ptr<const WeightSource> weights);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lathe
