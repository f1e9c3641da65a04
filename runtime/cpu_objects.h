#pragma once
// Kernels for the CPU from shared objects that were compiled before.

#include <memory>
#include <string>
#include <vector>

#include "runtime/cpu_module.h"

namespace lathe {

class CpuObjects : public CpuKernels {
 public:
  // `files[i]` holds kernels[i]; kernels may share a file. Throws DeviceError
  // L0602 if one cannot be loaded.
  CpuObjects(const std::vector<KernelSource>& kernels,
             const std::vector<std::string>& files);

  CompileReport wait() override;
  KernelFunction function(int kernel) override;

 private:
  std::vector<std::shared_ptr<ObjectFile>> objects_;
  std::vector<KernelFunction> functions_;
};

}  // namespace lathe
