#include "runtime/cuda/cubin_compiler.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/cache_tools.h"
#include "runtime/machine.h"
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

std::shared_ptr<const Nvrtc> require_nvrtc(const Options& options) {
  std::string reason;
  auto nvrtc = Nvrtc::load(options, reason);
  if (nvrtc) return nvrtc;
  throw DeviceError(
      "L0603", cat({reason, ", and it compiles kernels for GPUs: ",
                    kInstallNvrtc,
                    "; a pack that `lathe compile` made elsewhere needs none"}));
}

}  // namespace

CudaToolchain::CudaToolchain(const Options& options, const Reporter& report,
                             const std::string& target)
    : reporter(report),
      nvrtc(require_nvrtc(options)),
      flags(nvrtc_flags(target)),
      folder(options.cache_dir, options.temp_dir, report),
      cache(folder, nvrtc->identity(), join(flags, " "), target),
      parallel(options.threads > 0 ? options.threads
                                   : describe_machine().cores) {}

CubinCompiler::CubinCompiler(CudaToolchain& tools, std::string header,
                             std::vector<KernelSource> kernels)
    : CubinSource(std::move(kernels)),
      tools_(tools),
      header_(std::move(header)),
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
    return kernels_[size_t(a)].wanted_first &&
           !kernels_[size_t(b)].wanted_first;
  });
  report_.cached = static_cast<int>(kernels_.size() - missing_.size());
  report_.compiled = static_cast<int>(missing_.size());
  start_workers();
}

CubinCompiler::~CubinCompiler() {
  next_ = missing_.size();
  for (std::thread& worker : workers_) worker.join();
}

void CubinCompiler::start_workers() {
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

void CubinCompiler::compile(int kernel) {
  Job& job = jobs_[static_cast<size_t>(kernel)];
  const KernelSource& from = kernels_[static_cast<size_t>(kernel)];
  try {
    NvrtcResult result = tools_.nvrtc->compile(header_, from.name, from.text,
                                               tools_.flags);
    job.ready = seconds_since(start_);
    job.promise.set_value(std::move(result));
  } catch (...) {
    job.promise.set_exception(std::current_exception());
  }
}

std::string CubinCompiler::take(int kernel) {
  Job& job = jobs_[static_cast<size_t>(kernel)];
  const KernelSource& from = kernels_[static_cast<size_t>(kernel)];
  if (!job.cubin.empty()) return std::move(job.cubin);
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

void CubinCompiler::fail(const KernelSource& kernel,
                         const NvrtcResult& result) {
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

}  // namespace lathe::cuda
