#pragma once
// The compiled kernels of one program on the CPU: those in the cache loaded,
// the others compiled in batches on threads of their own, one file per core,
// because the compiler's start costs as much as a small kernel.

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "runtime/device.h"
#include "runtime/kernel_cache.h"
#include "runtime/machine.h"
#include "runtime/report.h"

namespace lathe {

// What compiling takes.
struct CpuToolchain {
  // Throws DeviceError L0601 if there is no compiler.
  CpuToolchain(const Options& options, const Reporter& reporter,
               const Machine& machine);

  CompilerFile compiler;
  CacheFolder folder;
  KernelCache cache;
  int time_limit_seconds;
  int parallel;  // compilers at once
  Reporter reporter;
};

// Compiled kernels that a schedule can call.
class CpuKernels : public Module {
 public:
  // Waits until this kernel is there. Throws DeviceError L0602.
  virtual KernelFunction function(int kernel) = 0;
};

class CpuModule : public CpuKernels {
 public:
  // Starts compiling. Requires: the toolchain outlives the module.
  CpuModule(CpuToolchain& toolchain, std::string prelude,
            std::vector<KernelSource> kernels);
  ~CpuModule() override;

  CompileReport wait() override;

  KernelFunction function(int kernel) override;

  // The shared object that holds the kernel, compiled by now.
  std::string object_path(int kernel);

 private:
  // Kernels that are compiled in one file.
  struct Batch {
    std::vector<int> kernels;
    std::string source;  // file names
    std::string object;
    std::promise<CompileResult> promise;
    bool finished = false;  // loaded, or failed
    double ready = 0;       // seconds since the module was asked for
  };

  void look_up(std::vector<int>& missing);
  void add_batches(const std::vector<int>& missing, bool wanted_first);
  void write_source(Batch& batch);
  void start_workers();
  CompileResult compile(const Batch& batch) const;
  void finish(Batch& batch);
  void load(Batch& batch);
  [[noreturn]] void fail(const Batch& batch, const CompileResult& result);

  std::string text_of(const std::vector<int>& kernels) const;

  CpuToolchain& tools_;
  std::string prelude_;
  std::vector<KernelSource> kernels_;
  std::vector<std::string> keys_;
  std::vector<KernelFunction> functions_;
  std::vector<std::shared_ptr<ObjectFile>> objects_;  // by kernel
  std::vector<Batch> batches_;
  std::vector<std::thread> workers_;
  std::atomic<size_t> next_batch_{0};
  std::chrono::steady_clock::time_point start_;
  CompileReport report_;
};

}  // namespace lathe
