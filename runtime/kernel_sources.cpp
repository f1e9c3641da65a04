#include "runtime/kernel_sources.h"

#include "spec/text.h"

namespace lathe {
namespace {

// "mlp.gate_proj (model.yaml:27)" of the first step that runs the kernel.
std::string place_of_kernel(const Program& program, int kernel) {
  for (const auto* steps : {&program.load_steps, &program.steps}) {
    for (const Step& step : *steps) {
      if (step.kernel != kernel) continue;
      return cat({step.path.empty() ? step.what : step.path, " (",
                  place_of(step.span), ")"});
    }
  }
  return "no step";
}

}  // namespace

std::vector<KernelSource> kernel_sources(const Program& program) {
  std::vector<KernelSource> sources;
  for (size_t i = 0; i < program.kernels.size(); ++i) {
    const Kernel& kernel = program.kernels[i];
    sources.push_back({.name = kernel.name, .text = kernel.text,
                       .place = place_of_kernel(program, int(i)),
                       .launch = kernel.launch});
  }
  for (const Step& step : program.load_steps) {
    sources[size_t(step.kernel)].wanted_first = true;
  }
  return sources;
}

}  // namespace lathe
