#include "runtime/cuda/cuda_module.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/cache_tools.h"
#include "spec/check.h"

namespace lathe::cuda {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The first line of NVRTC's log that reports an error.
std::string first_error(const std::string& log) {
  for (const std::string& line : split(log, '\n')) {
    if (line.find("error") != std::string::npos) return line;
  }
  return log.substr(0, log.find('\n'));
}

}  // namespace

CudaModule::CudaModule(const CudaToolchain& tools, std::string header,
                       std::vector<KernelSource> kernels)
    : tools_(tools),
      header_(std::move(header)),
      kernels_(std::move(kernels)),
      jobs_(kernels_.size()),
      start_(Clock::now()) {
  for (size_t i = 0; i < kernels_.size(); ++i) {
    Job& job = jobs_[i];
    job.key = tools_.cache.key(header_, kernels_[i].text);
    if (auto cubin = tools_.cache.find(job.key, kernels_[i].name)) {
      job.cubin = std::move(*cubin);
    } else {
      missing_.push_back(static_cast<int>(i));
      tools_.reporter.detail(cat({"kernel ", kernels_[i].name,
                                  " is compiled by NVRTC"}));
    }
  }
  std::stable_sort(missing_.begin(), missing_.end(), [&](int a, int b) {
    return source(a).wanted_first && !source(b).wanted_first;
  });
  report_.cached = static_cast<int>(kernels_.size() - missing_.size());
  report_.compiled = static_cast<int>(missing_.size());
  start_workers();
}

CudaModule::~CudaModule() {
  next_ = missing_.size();
  for (std::thread& worker : workers_) worker.join();
}

const KernelSource& CudaModule::source(int kernel) const {
  return kernels_[static_cast<size_t>(kernel)];
}

void CudaModule::start_workers() {
  const size_t count =
      std::min(missing_.size(), static_cast<size_t>(tools_.parallel));
  for (size_t i = 0; i < count; ++i) {
    workers_.emplace_back([this] {
      for (size_t m = next_++; m < missing_.size(); m = next_++) {
        compile(missing_[m]);
      }
    });
  }
}

void CudaModule::compile(int kernel) {
  Job& job = jobs_[static_cast<size_t>(kernel)];
  try {
    NvrtcResult result = tools_.nvrtc->compile(
        header_, source(kernel).name, source(kernel).text, tools_.flags);
    job.ready = seconds_since(start_);
    job.promise.set_value(std::move(result));
  } catch (...) {
    job.promise.set_exception(std::current_exception());
  }
}

// The cubin of a kernel that was compiled, filed.
std::string CudaModule::finish(int kernel) {
  Job& job = jobs_[static_cast<size_t>(kernel)];
  const KernelSource& from = source(kernel);
  NvrtcResult result = job.promise.get_future().get();
  if (!result.ok) fail(from, result);
  report_.seconds = std::max(report_.seconds, job.ready);
  if (!tools_.cache.store(job.key, from.name, from.text, result.cubin)) {
    tools_.reporter.warning(cat({"cannot keep kernels in ",
                                 tools_.folder.path(), ": ",
                                 std::strerror(errno)}));
  }
  prune_daily(tools_.folder.path());
  return std::move(result.cubin);
}

void CudaModule::fail(const KernelSource& kernel, const NvrtcResult& result) {
  const std::string kept = tools_.folder.file("failed/" + kernel.name + ".cu");
  (void)unlink(kept.c_str());
  std::string message = cat({"kernel ", kernel.name, " of ", kernel.place,
                             " does not compile: ", first_error(result.log)});
  if (write_file(kept, kernel.text)) {
    tools_.folder.keep();
    message += cat({"; its text is in ", kept});
  }
  throw DeviceError("L0602", message, result.log);
}

CUfunction CudaModule::function(int kernel) {
  Job& job = jobs_[static_cast<size_t>(kernel)];
  if (!job.loaded) {
    if (job.cubin.empty()) job.cubin = finish(kernel);
    const KernelSource& from = source(kernel);
    job.loaded = std::make_unique<LoadedKernel>(
        tools_.context, job.cubin, from.name, from.launch.shared_bytes,
        cat({"kernel ", from.name, " of ", from.place}));
    job.cubin = {};
  }
  return job.loaded->function();
}

CompileReport CudaModule::wait() {
  for (size_t i = 0; i < kernels_.size(); ++i) function(static_cast<int>(i));
  return report_;
}

}  // namespace lathe::cuda
