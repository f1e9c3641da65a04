#pragma once
// The kernels of one program in a GPU's memory, loaded as they are wanted.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/cuda/cubin_source.h"
#include "runtime/cuda/handles.h"

namespace lathe::cuda {

class CudaModule : public Module {
 public:
  CudaModule(ContextRef context, std::unique_ptr<CubinSource> cubins);

  CompileReport wait() override;

  // Says that these kernels are wanted soon.
  void request(const std::vector<int>& kernels);
  // Waits until this kernel is there. Throws DeviceError L0602, L0703.
  CUfunction function(int kernel);
  const KernelSource& source(int kernel) const;

 private:
  ContextRef context_;
  std::unique_ptr<CubinSource> cubins_;
  std::map<Cubin, LoadedCubin> loaded_;
  std::vector<CUfunction> functions_;  // by kernel; null: not wanted yet
};

}  // namespace lathe::cuda
