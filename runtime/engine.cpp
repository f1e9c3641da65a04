#include "runtime/engine.h"

#include "codegen/compile.h"
#include "runtime/compiled_executable.h"
#include "runtime/cpu_device.h"
#include "runtime/cuda/cuda_device.h"
#include "runtime/reference_executable.h"
#include "spec/check.h"

namespace lathe {

struct Engine::State {
  Options options;
  Reporter reporter;
  std::unique_ptr<Device> device;  // null for the reference
};

Engine::Engine(Options options, Reporter reporter)
    : state_(new State{std::move(options), std::move(reporter), {}}) {
  const std::string& name = state_->options.device;
  if (name == "cpu" || name == "auto") {
    state_->device = make_cpu_device(state_->options, state_->reporter);
  } else if (name == "cuda" || name.starts_with("cuda:")) {
    state_->device = make_cuda_device(state_->options, state_->reporter);
  } else if (name != "reference") {
    throw DeviceError("L0701",
                      cat({"there is no device `", name,
                           "`; auto, cpu, cuda and reference are"}));
  }
}

Engine::~Engine() = default;

Target Engine::target() const {
  return state_->device ? state_->device->target() : target_preset("generic");
}

std::unique_ptr<Executable> Engine::load(
    const Graph& graph, std::shared_ptr<const WeightSource> weights,
    const DimBindings& sizes) {
  if (!state_->device) {
    return std::make_unique<ReferenceExecutable>(graph, *weights,
                                                 state_->reporter);
  }
  state_->device->expect_kernels();
  CompileOptions options;
  options.generic_only = state_->options.generic_only;
  return load(compile(graph, target(), options), std::move(weights), sizes);
}

std::unique_ptr<Executable> Engine::load(
    Program program, std::shared_ptr<const WeightSource> weights,
    const DimBindings& sizes) {
  LATHE_CHECK(state_->device, "the reference device runs no programs");
  return std::make_unique<CompiledExecutable>(
      std::move(program), *state_->device, *weights, state_->reporter,
      state_->options.profile, std::vector<std::string>{}, sizes);
}

std::unique_ptr<Executable> Engine::load(
    const Pack& pack, std::shared_ptr<const WeightSource> weights) {
  LATHE_CHECK(state_->device, "the reference device runs no packs");
  require_runs_on(pack, target());
  return std::make_unique<CompiledExecutable>(
      pack.program, *state_->device, *weights, state_->reporter,
      state_->options.profile, pack.objects);
}

}  // namespace lathe
