#pragma once
// The compiled kernels of one program on a GPU: cubins from the cache, the
// others compiled by NVRTC on threads of their own, one kernel at a time.

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "runtime/cuda/cubin_cache.h"
#include "runtime/cuda/handles.h"
#include "runtime/cuda/nvrtc.h"
#include "runtime/device.h"
#include "runtime/report.h"

namespace lathe::cuda {

// What compiling takes, owned by the device.
struct CudaToolchain {
  ContextRef context;
  std::shared_ptr<const Nvrtc> nvrtc;
  CacheFolder& folder;
  CubinCache& cache;
  std::vector<std::string> flags;
  int parallel;  // compiles at once
  Reporter reporter;
};

class CudaModule : public Module {
 public:
  // Starts compiling. Requires: the toolchain's parts outlive the module.
  CudaModule(const CudaToolchain& tools, std::string header,
             std::vector<KernelSource> kernels);
  ~CudaModule() override;

  CompileReport wait() override;

  // Waits until this kernel is there. Throws DeviceError L0602, L0703.
  CUfunction function(int kernel);
  const KernelSource& source(int kernel) const;

 private:
  struct Job {
    std::string key;
    std::promise<NvrtcResult> promise;
    std::string cubin;  // from the cache
    std::unique_ptr<LoadedKernel> loaded;
    double ready = 0;  // seconds since the module was asked for
  };

  void start_workers();
  void compile(int kernel);
  std::string finish(int kernel);
  [[noreturn]] void fail(const KernelSource& kernel,
                         const NvrtcResult& result);

  CudaToolchain tools_;
  std::string header_;
  std::vector<KernelSource> kernels_;
  std::vector<Job> jobs_;     // by kernel
  std::vector<int> missing_;  // in the order of compiling
  std::atomic<size_t> next_{0};
  std::vector<std::thread> workers_;
  std::chrono::steady_clock::time_point start_;
  CompileReport report_;
};

}  // namespace lathe::cuda
