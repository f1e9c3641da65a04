#include "runtime/cuda/cuda_module.h"

#include "spec/text.h"

namespace lathe::cuda {

CudaModule::CudaModule(ContextRef context, std::unique_ptr<CubinSource> cubins)
    : context_(std::move(context)),
      cubins_(std::move(cubins)),
      functions_(cubins_->kernels().size(), nullptr) {}

const KernelSource& CudaModule::source(int kernel) const {
  return cubins_->kernels()[static_cast<size_t>(kernel)];
}

CUfunction CudaModule::function(int kernel) {
  CUfunction& function = functions_[static_cast<size_t>(kernel)];
  if (function) return function;
  const KernelSource& from = source(kernel);
  const std::string place = cat({"kernel ", from.name, " of ", from.place});
  const Cubin cubin = cubins_->take(kernel);
  const auto& loaded =
      loaded_.try_emplace(cubin, context_, *cubin, place).first->second;
  return function = loaded.function(from.name, from.launch.shared_bytes, place);
}

void CudaModule::request(const std::vector<int>& kernels) {
  std::vector<int> missing;
  for (int kernel : kernels) {
    if (!functions_[static_cast<size_t>(kernel)]) missing.push_back(kernel);
  }
  cubins_->request(missing);
}

CompileReport CudaModule::wait() {
  for (size_t i = 0; i < functions_.size(); ++i) {
    const int kernel = static_cast<int>(i);
    if (!source(kernel).may_rest) function(kernel);
  }
  return cubins_->report();
}

}  // namespace lathe::cuda
