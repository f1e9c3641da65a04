#pragma once
// Cubins from the cache, the others compiled by NVRTC on threads of their own:
// at once, or where kernels may rest, once they are requested. Needs no GPU.

#include <chrono>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
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

// How many kernels a cubin has.
enum class CubinSize {
  // Some that are wanted together: an empty program takes NVRTC a third of a
  // small kernel's time.
  kSeveral,
  // One, whatever else was compiled before: the bytes of a pack depend on its
  // model alone.
  kOne,
};

// What compiling for one target takes.
struct CudaToolchain {
  // `target`: "sm_90a". Requires: loaded is not null.
  CudaToolchain(const Options& options, const Reporter& reporter,
                const std::string& target, CubinSize size,
                std::shared_ptr<const Nvrtc> loaded);

  Reporter reporter;
  std::shared_ptr<const Nvrtc> nvrtc;
  std::vector<std::string> flags;
  CubinSize size;
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
  Cubin take(int kernel) override;
  CompileReport report() const override { return report_; }

 private:
  // Kernels that were compiled in one program.
  struct Compiled {
    std::vector<int> kernels;
    std::string text;
    NvrtcResult result;
    double ready = 0;  // seconds since the start
    bool is_filed = false;
  };
  using CompiledRef = std::shared_ptr<Compiled>;

  struct Job {
    CubinCache::Place place;
    std::promise<CompiledRef> promise;
    std::shared_future<CompiledRef> compiled = promise.get_future().share();
    Cubin cubin;  // from the cache
    bool is_asked_for = false;  // or there from the start
  };

  // Compiles nothing yet.
  struct Idle {};
  CubinCompiler(Idle, CudaToolchain& tools, std::string header,
                std::vector<KernelSource> kernels);

  std::vector<std::vector<int>> programs_of(std::vector<int> kernels) const;
  void start(std::vector<int> kernels);
  void work();
  std::vector<int> next();
  void compile(const std::vector<int>& kernels);
  void file(const Compiled& compiled);
  [[noreturn]] void fail(const KernelSource& kernel,
                         const NvrtcResult& result);

  CudaToolchain& tools_;
  std::string header_;
  std::vector<Job> jobs_;     // by kernel
  std::mutex mutex_;  // of the two below
  std::deque<std::vector<int>> waiting_;  // programs
  int working_ = 0;
  std::vector<std::thread> workers_;
  std::chrono::steady_clock::time_point start_;
  CompileReport report_;
};

}  // namespace lathe::cuda
