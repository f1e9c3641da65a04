#include "runtime/kernel_sources.h"

#include <utility>

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

// Whether the step has no items with these sizes. Whether a library does its
// work instead is not known yet.
bool rests(const Program& program, const Step& step, DimBindings sizes) {
  sizes = without_library(program, std::move(sizes));
  try {
    if (step.items.eval(sizes) == 0) return true;
    for (const Step& other : program.steps) {
      const bool yields = other.product && other.product->choice == step.unless;
      if (yields && other.product->wanted.eval(sizes) != 0) return true;
    }
  } catch (const DimError&) {
    // Too large to say.
  }
  return false;
}

// Without `sizes` that a run will have: whether it has none with all sizes 1, or
// with all sizes large, for there is another kernel for few of something, or for
// many; and where a library may do the work, and with kernels that come behind a
// library.
bool may_rest(const Program& program, const Step& step,
              const DimBindings& sizes) {
  if (!sizes.empty()) return rests(program, step, sizes);
  constexpr int64_t kLargeSize = 4096;
  if (!step.unless.empty()) return true;
  for (const int64_t size : {int64_t{1}, kLargeSize}) {
    DimBindings all;
    for (const std::string& symbol : program.symbols) all[symbol] = size;
    if (rests(program, step, all)) return true;
  }
  return false;
}

}  // namespace

std::vector<KernelSource> kernel_sources(const Program& program,
                                         const DimBindings& sizes) {
  std::vector<KernelSource> sources;
  for (size_t i = 0; i < program.kernels.size(); ++i) {
    const Kernel& kernel = program.kernels[i];
    sources.push_back({.name = kernel.name, .text = kernel.text,
                       .place = place_of_kernel(program, int(i)),
                       .launch = kernel.launch});
  }
  std::vector<bool> always(sources.size(), false);
  for (const Step& step : program.steps) {
    if (step.product || may_rest(program, step, sizes)) continue;
    always[size_t(step.kernel)] = true;
  }
  for (const Step& step : program.load_steps) {
    always[size_t(step.kernel)] = true;
    sources[size_t(step.kernel)].wanted_first = true;
  }
  for (size_t i = 0; i < sources.size(); ++i) sources[i].may_rest = !always[i];
  return sources;
}

}  // namespace lathe
