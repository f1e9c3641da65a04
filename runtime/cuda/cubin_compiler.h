#pragma once
// Cubins from the cache, the others compiled by NVRTC on threads of their own,
// one kernel at a time: at once, or where they may rest, once they are requested.
// Needs no GPU.

#include <chrono>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "runtime/cuda/cubin_cache.h"
#include "runtime/cuda/cubin_source.h"
#include "runtime/cuda/nvrtc.h"
#include "runtime/report.h"

namespace lathe::cuda {

// Throws DeviceError L0603 if there is none.
std::shared_ptr<const Nvrtc> require_nvrtc(const Options& options);

// What compiling for one target takes.
struct CudaToolchain {
  // `target`: "sm_90a". Requires: loaded is not null.
  CudaToolchain(const Options& options, const Reporter& reporter,
                const std::string& target,
                std::shared_ptr<const Nvrtc> loaded);

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

  void request(const std::vector<int>& kernels) override;
  std::string take(int kernel) override;
  CompileReport report() const override { return report_; }

 private:
  struct Job {
    std::string key;
    std::promise<NvrtcResult> promise;
    std::shared_future<NvrtcResult> result = promise.get_future().share();
    std::string cubin;  // from the cache
    bool is_asked_for = false;  // or there from the start
    double ready = 0;   // seconds since the start
  };

  // Compiles nothing yet.
  struct Idle {};
  CubinCompiler(Idle, CudaToolchain& tools, std::string header,
                std::vector<KernelSource> kernels);

  void work();
  std::optional<int> next();
  void compile(int kernel);
  [[noreturn]] void fail(const KernelSource& kernel,
                         const NvrtcResult& result);

  CudaToolchain& tools_;
  std::string header_;
  std::vector<Job> jobs_;     // by kernel
  std::mutex mutex_;  // of the two below
  std::deque<int> waiting_;
  int working_ = 0;
  std::vector<std::thread> workers_;
  std::chrono::steady_clock::time_point start_;
  CompileReport report_;
};

}  // namespace lathe::cuda
