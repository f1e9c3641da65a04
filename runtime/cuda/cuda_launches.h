#pragma once
// Launches of GPU kernels in a row on one stream.

#include <memory>
#include <vector>

#include "runtime/cuda/cuda_module.h"

namespace lathe::cuda {

class CudaLaunches : public LaunchList {
 public:
  // Waits for the kernels. Requires: the module outlives the list.
  CudaLaunches(CudaModule& module, StreamRef stream,
               std::vector<Launch> launches);
  ~CudaLaunches() override;

  std::optional<LaunchFault> run(std::span<void* const> buffers,
                                 std::vector<int64_t>* nanoseconds) override;

 private:
  // A kernel's parameters: buffers, dims, items, and where faults go.
  struct Step {
    CUfunction function = nullptr;
    CUlaunchConfig config = {};
    std::vector<uint64_t> values;
    std::vector<void*> parameters;  // addresses of the values
    std::string place;
  };

  Step make_step(CudaModule& module, const Launch& launch);
  void fill(std::span<void* const> buffers);
  std::optional<LaunchFault> first_fault();

  std::vector<Launch> launches_;
  StreamRef stream_;
  std::vector<Step> steps_;
  CUdeviceptr faults_ = 0;  // one for each launch
  std::vector<Event> events_;
};

}  // namespace lathe::cuda
