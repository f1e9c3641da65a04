#include "runtime/cuda/cubin_compiler.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "runtime/cache_tools.h"
#include "runtime/machine.h"
#include "runtime/stopwatch.h"
#include "spec/check.h"

namespace lathe::cuda {
namespace {

// The first line of NVRTC's log that reports an error.
std::string first_error(const std::string& log) {
  for (const std::string& line : split(log, '\n')) {
    if (line.find("error") != std::string::npos) return line;
  }
  return log.substr(0, log.find('\n'));
}

}  // namespace

std::shared_ptr<const Nvrtc> require_nvrtc(const Options& options) {
  std::string reason;
  auto nvrtc = Nvrtc::load(options, reason);
  if (nvrtc) return nvrtc;
  throw DeviceError(
      "L0603", cat({reason, ", and it compiles kernels for GPUs: ",
                    kInstallNvrtc,
                    "; a pack that `lathe compile` made elsewhere needs none"}));
}

CudaToolchain::CudaToolchain(const Options& options, const Reporter& report,
                             const std::string& target,
                             std::shared_ptr<const Nvrtc> loaded)
    : reporter(report),
      nvrtc(std::move(loaded)),
      flags(nvrtc->flags(target)),
      folder(options.cache_dir, options.temp_dir, report),
      cache(folder, nvrtc->identity(), join(flags, " "), target),
      parallel(options.threads > 0 ? options.threads
                                   : describe_machine().cores) {}

CubinCompiler::CubinCompiler(Idle, CudaToolchain& tools, std::string header,
                             std::vector<KernelSource> kernels)
    : CubinSource(std::move(kernels)),
      tools_(tools),
      header_(std::move(header)),
      jobs_(kernels_.size()),
      start_(Clock::now()) {}

// From another constructor, so that where this one throws the destructor waits
// for the threads that it has started.
CubinCompiler::CubinCompiler(CudaToolchain& tools, std::string header,
                             std::vector<KernelSource> kernels)
    : CubinCompiler(Idle(), tools, std::move(header), std::move(kernels)) {
  std::vector<int> first, others;
  for (size_t i = 0; i < kernels_.size(); ++i) {
    Job& job = jobs_[i];
    job.key = tools_.cache.key(header_, kernels_[i].text);
    if (auto cubin = tools_.cache.find(job.key, kernels_[i].name)) {
      job.cubin = std::move(*cubin);
      job.is_asked_for = true;
      ++report_.cached;
    } else if (!kernels_[i].may_rest) {
      (kernels_[i].wanted_first ? first : others).push_back(int(i));
    }
  }
  // The longest text is last to be done where it begins last.
  const auto is_longer = [this](int a, int b) {
    return kernels_[size_t(a)].text.size() > kernels_[size_t(b)].text.size();
  };
  for (std::vector<int>* all : {&first, &others}) {
    std::stable_sort(all->begin(), all->end(), is_longer);
    request(*all);
  }
}

CubinCompiler::~CubinCompiler() {
  {
    const std::lock_guard lock(mutex_);
    waiting_.clear();
  }
  for (std::thread& worker : workers_) worker.join();
}

void CubinCompiler::request(const std::vector<int>& kernels) {
  const std::lock_guard lock(mutex_);
  for (int kernel : kernels) {
    Job& job = jobs_[static_cast<size_t>(kernel)];
    if (job.is_asked_for) continue;
    // Whatever of this fails, the kernel can be asked for again.
    tools_.reporter.detail(cat({"kernel ",
                                kernels_[static_cast<size_t>(kernel)].name,
                                " is compiled by NVRTC"}));
    if (working_ < tools_.parallel) {
      workers_.emplace_back([this] { work(); });
      ++working_;
    }
    waiting_.push_back(kernel);
    job.is_asked_for = true;
    ++report_.compiled;
  }
}

// A worker ends when nothing waits; the next request starts another.
void CubinCompiler::work() {
  while (const std::optional<int> kernel = next()) compile(*kernel);
}

std::optional<int> CubinCompiler::next() {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) {
    --working_;
    return std::nullopt;
  }
  const int kernel = waiting_.front();
  waiting_.pop_front();
  return kernel;
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
  if (!job.cubin.empty()) return job.cubin;
  request({kernel});
  const NvrtcResult& result = job.result.get();
  if (!result.ok) fail(from, result);
  report_.seconds = std::max(report_.seconds, job.ready);
  if (!tools_.cache.store(job.key, from.name, from.text, result.cubin)) {
    tools_.reporter.warning(cat({"cannot keep kernels in ",
                                 tools_.folder.path(), ": ",
                                 std::strerror(errno)}));
  }
  prune_daily(tools_.folder.path());
  return result.cubin;
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
