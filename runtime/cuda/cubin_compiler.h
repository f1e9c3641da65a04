#pragma once
// Cubins from the cache, the others compiled by NVRTC on threads of their own,
// one kernel at a time. Needs no GPU.

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "runtime/cuda/cubin_cache.h"
#include "runtime/cuda/cubin_source.h"
#include "runtime/cuda/nvrtc.h"
#include "runtime/report.h"

namespace lathe::cuda {

// What compiling for one target takes.
struct CudaToolchain {
  // Throws DeviceError L0603 if there is no NVRTC. `target`: "sm_90a".
  CudaToolchain(const Options& options, const Reporter& reporter,
                const std::string& target);

  Reporter reporter;
  std::shared_ptr<const Nvrtc> nvrtc;
  std::vector<std::string> flags;
  CacheFolder folder;
  CubinCache cache;
  int parallel;  // compiles at once
};

class CubinCompiler : public CubinSource {
 public:
  // Starts compiling. Requires: the toolchain outlives it.
  CubinCompiler(CudaToolchain& tools, std::string header,
                std::vector<KernelSource> kernels);
  ~CubinCompiler() override;

  std::string take(int kernel) override;
  CompileReport report() const override { return report_; }

 private:
  struct Job {
    std::string key;
    std::promise<NvrtcResult> promise;
    std::string cubin;  // from the cache
    double ready = 0;   // seconds since the start
  };

  void start_workers();
  void compile(int kernel);
  [[noreturn]] void fail(const KernelSource& kernel,
                         const NvrtcResult& result);

  CudaToolchain& tools_;
  std::string header_;
  std::vector<Job> jobs_;     // by kernel
  std::vector<int> missing_;  // in the order of compiling
  std::atomic<size_t> next_{0};
  std::vector<std::thread> workers_;
  std::chrono::steady_clock::time_point start_;
  CompileReport report_;
};

}  // namespace lathe::cuda
