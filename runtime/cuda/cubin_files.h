#pragma once
// Cubins that were compiled before, one file a kernel.

#include <string>
#include <vector>

#include "runtime/cuda/cubin_source.h"

namespace lathe::cuda {

class CubinFiles : public CubinSource {
 public:
  CubinFiles(std::vector<KernelSource> kernels, std::vector<std::string> files)
      : CubinSource(std::move(kernels)), files_(std::move(files)) {}

  void request(const std::vector<int>&) override {}
  Cubin take(int kernel) override;
  CompileReport report() const override;

 private:
  std::vector<std::string> files_;
};

}  // namespace lathe::cuda
