#include "runtime/cuda/cuda_module.h"

#include "spec/text.h"

namespace lathe::cuda {

CudaModule::CudaModule(ContextRef context, std::unique_ptr<CubinSource> cubins)
    : context_(std::move(context)),
      cubins_(std::move(cubins)),
      loaded_(cubins_->kernels().size()) {}

const KernelSource& CudaModule::source(int kernel) const {
  return cubins_->kernels()[static_cast<size_t>(kernel)];
}

CUfunction CudaModule::function(int kernel) {
  auto& loaded = loaded_[static_cast<size_t>(kernel)];
  if (!loaded) {
    const KernelSource& from = source(kernel);
    loaded = std::make_unique<LoadedKernel>(
        context_, cubins_->take(kernel), from.name, from.launch.shared_bytes,
        cat({"kernel ", from.name, " of ", from.place}));
  }
  return loaded->function();
}

void CudaModule::request(const std::vector<int>& kernels) {
  std::vector<int> missing;
  for (int kernel : kernels) {
    if (!loaded_[static_cast<size_t>(kernel)]) missing.push_back(kernel);
  }
  cubins_->request(missing);
}

CompileReport CudaModule::wait() {
  for (size_t i = 0; i < loaded_.size(); ++i) {
    const int kernel = static_cast<int>(i);
    if (!source(kernel).may_rest) function(kernel);
  }
  return cubins_->report();
}

}  // namespace lathe::cuda
