#include "runtime/cuda/cuda_device.h"

#include <algorithm>
#include <cstdlib>
#include <future>
#include <numeric>
#include <optional>

#include "runtime/cuda/cubin_compiler.h"
#include "runtime/cuda/cubin_files.h"
#include "runtime/cuda/cuda_launches.h"
#include "runtime/cuda/cuda_module.h"
#include "runtime/cuda/library_findings.h"
#include "runtime/cuda/product_library.h"
#include "runtime/cuda/uploader.h"
#include "runtime/kernel_sources.h"
#include "spec/check.h"
#include "spec/text.h"

namespace lathe {
namespace {

using namespace cuda;  // NOLINT: this file is the seam between the two

// The oldest GPUs that kernels are written for.
constexpr int kLeastCapability = 80;
constexpr const char* kInstallDriver =
    "install NVIDIA's driver, or name a libcuda.so.1 in LATHE_CUDA_LIB";

class CudaMemory : public Memory {
 public:
  CudaMemory(StreamRef stream, int64_t bytes)
      : Memory(nullptr, bytes), bytes_of_gpu_(std::move(stream), bytes) {
    data_ = reinterpret_cast<void*>(bytes_of_gpu_.get());
  }

 private:
  DeviceBytes bytes_of_gpu_;
};

[[noreturn]] void fail_without(const Options& options,
                               const std::string& reason,
                               const std::string& advice) {
  throw DeviceError("L0701", cat({"there is no device `", options.device,
                                  "` here: ", reason, "; ", advice, "; ",
                                  options.without_gpu}));
}

// N of "cuda:N".
int ordinal_of(const std::string& device) {
  const size_t colon = device.find(':');
  if (colon == std::string::npos) return 0;
  const std::string digits = device.substr(colon + 1);
  if (!is_digits(digits) || digits.size() > 3) {
    throw DeviceError("L0701", cat({"`", device,
                                    "` is no device; GPUs are cuda:0, "
                                    "cuda:1 and so on"}));
  }
  return std::atoi(digits.c_str());
}

int count_of(const Driver& driver) {
  int count = 0;
  if (driver.cuInit(0) != CUDA_SUCCESS ||
      driver.cuDeviceGetCount(&count) != CUDA_SUCCESS) {
    return 0;
  }
  return count;
}

ContextRef open_context(const Options& options) {
  const int ordinal = ordinal_of(options.device);
  std::string reason;
  const DriverRef driver = Driver::load(options, reason);
  if (!driver) fail_without(options, reason, kInstallDriver);
  const CUresult started = driver->cuInit(0);
  if (started != CUDA_SUCCESS) {
    fail_without(options,
                 cat({"cuInit fails with ", driver->text_of(started)}),
                 "look whether `nvidia-smi` shows a GPU");
  }
  const int count = count_of(*driver);
  if (ordinal >= count) {
    fail_without(options, cat({"this machine has ", count, " GPUs"}),
                 "they count from cuda:0");
  }
  auto context = std::make_shared<const Context>(driver, ordinal);
  if (context->capability() < kLeastCapability) {
    fail_without(options,
                 cat({context->name(), " has compute capability ",
                      context->capability() / 10, ".",
                      context->capability() % 10}),
                 "kernels need 8.0 (Ampere) or later");
  }
  return context;
}

class CudaDevice : public Device {
 public:
  CudaDevice(const Options& options, const Reporter& reporter)
      : options_(options),
        reporter_(reporter),
        context_(open_context(options)),
        stream_(std::make_shared<const Stream>(context_)),
        uploader_(context_, stream_) {
    keep_freed_memory();
  }

  std::string name() const override { return "cuda"; }
  Target target() const override {
    return gpu_target(context_->capability());
  }
  bool shares_host_memory() const override { return false; }

  std::unique_ptr<Memory> allocate(int64_t bytes) override {
    context_->use();
    try {
      return std::make_unique<CudaMemory>(stream_, bytes);
    } catch (const DeviceError& error) {
      if (error.code() != "L0702") throw;
      fail_for_memory(bytes);
    }
  }

  void upload(void* to, const void* from, int64_t bytes) override {
    context_->use();
    uploader_.copy(to, from, bytes);
  }

  void download(void* to, const void* from, int64_t bytes) override {
    if (bytes == 0) return;
    context_->use();
    const Driver& driver = context_->driver();
    driver.check(
        driver.cuMemcpyDtoHAsync(to, reinterpret_cast<CUdeviceptr>(from),
                                 static_cast<size_t>(bytes), stream_->get()),
        "cuMemcpyDtoHAsync");
    stream_->wait("a download");
  }

  // NVRTC is large: loading it takes as long as writing the kernels.
  void expect_kernels() override {
    if (tools_ || nvrtc_.valid()) return;
    nvrtc_ = std::async(std::launch::async,
                        [options = options_] { return require_nvrtc(options); });
  }

  std::unique_ptr<Module> compile(const std::string& prelude,
                                  std::vector<KernelSource> kernels) override {
    // Not before the first model.
    expect_kernels();
    if (!tools_) {
      tools_.emplace(options_, reporter_, target().name,
                     CubinSize::kSeveral, nvrtc_.get());
    }
    return std::make_unique<CudaModule>(
        context_, std::make_unique<CubinCompiler>(*tools_, prelude,
                                                  std::move(kernels)));
  }

  std::unique_ptr<Module> load(std::vector<KernelSource> kernels,
                               std::vector<std::string> files) override {
    return std::make_unique<CudaModule>(
        context_,
        std::make_unique<CubinFiles>(std::move(kernels), std::move(files)));
  }

  bool takes(const BoundProduct& product, std::string& reason) override {
    // Loading it takes a while: not before it is wanted.
    if (!asked_for_library_) {
      library_ = open_product_library(options_, context_, no_library_);
      asked_for_library_ = true;
    }
    reason = no_library_;
    return library_ && library_->plan(product, reason) != nullptr;
  }

  std::unique_ptr<LaunchList> schedule(Module& module,
                                       std::vector<Launch> launches) override {
    context_->use();
    return std::make_unique<CudaLaunches>(dynamic_cast<CudaModule&>(module),
                                          library_.get(), stream_,
                                          std::move(launches));
  }

 private:
  // The pool gives nothing back to the system between runs.
  void keep_freed_memory() {
    if (!context_->has_memory_pools()) return;
    const Driver& driver = context_->driver();
    CUmemoryPool pool = nullptr;
    driver.check(driver.cuDeviceGetDefaultMemPool(&pool, context_->device()),
                 "cuDeviceGetDefaultMemPool");
    cuuint64_t all = UINT64_MAX;
    driver.check(driver.cuMemPoolSetAttribute(
                     pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &all),
                 "cuMemPoolSetAttribute");
  }

  [[noreturn]] void fail_for_memory(int64_t bytes) const {
    size_t free = 0, total = 0;
    (void)context_->driver().cuMemGetInfo(&free, &total);
    throw DeviceError("L0702",
                      cat({"the GPU cannot give ", bytes, " bytes: ",
                           static_cast<int64_t>(free), " of ",
                           static_cast<int64_t>(total), " are free"}));
  }

  Options options_;
  Reporter reporter_;
  ContextRef context_;
  StreamRef stream_;
  Uploader uploader_;
  std::future<std::shared_ptr<const Nvrtc>> nvrtc_;
  std::optional<CudaToolchain> tools_;
  std::unique_ptr<ProductLibrary> library_;
  bool asked_for_library_ = false;
  std::string no_library_;  // why there is none
};

Finding gpu_finding(const DriverRef& driver, int ordinal) {
  const std::string what = cat({"gpu ", ordinal});
  try {
    const Context context(driver, ordinal);
    const int capability = context.capability();
    std::string is = cat({context.name(), ", compute capability ",
                          capability / 10, ".", capability % 10});
    if (capability < kLeastCapability) {
      return {what, is, "kernels need compute capability 8.0 or later"};
    }
    return {what, is, ""};
  } catch (const DeviceError& error) {
    return {what, "not usable", error.what()};
  }
}

}  // namespace

std::unique_ptr<Device> make_cuda_device(const Options& options,
                                         const Reporter& reporter) {
  return std::make_unique<CudaDevice>(options, reporter);
}

std::vector<std::string> compile_for_cuda(const Options& options,
                                          const Reporter& reporter,
                                          const Program& program) {
  CudaToolchain tools(options, reporter, program.target, CubinSize::kOne,
                      require_nvrtc(options));
  CubinCompiler compiler(tools, program.prelude, kernel_sources(program));
  std::vector<int> all(program.kernels.size());
  std::iota(all.begin(), all.end(), 0);
  compiler.request(all);
  std::vector<std::string> cubins;
  for (size_t i = 0; i < program.kernels.size(); ++i) {
    cubins.push_back(*compiler.take(static_cast<int>(i)));
  }
  return cubins;
}

std::vector<Finding> cuda_findings(const Options& options) {
  std::vector<Finding> found;
  std::string reason;
  const DriverRef driver = Driver::load(options, reason);
  if (!driver) {
    found.push_back({"cuda driver", "none", cat({reason, "; ",
                                                 kInstallDriver})});
  } else {
    const auto* any = reinterpret_cast<const void*>(driver->cuInit);
    found.push_back({"cuda driver",
                     cat({driver->version(), ", ",
                          driver->library->path_of(any)}),
                     ""});
    const int count = count_of(*driver);
    if (count == 0) found.push_back({"gpu", "none", "`nvidia-smi` says why"});
    for (int i = 0; i < count; ++i) found.push_back(gpu_finding(driver, i));
  }
  const auto nvrtc = Nvrtc::load(options, reason);
  found.push_back(
      nvrtc ? Finding{"cuda compiler",
                      cat({"NVRTC ", nvrtc->version(), ", ", nvrtc->path()}),
                      ""}
            : Finding{"cuda compiler", "none",
                      cat({reason, "; ", kInstallNvrtc})});
  found.push_back(blas_lt_finding(options));
  found.push_back(nccl_finding(options));
  return found;
}

}  // namespace lathe
