#include "runtime/cuda/cubin_compiler.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "runtime/cache_tools.h"
#include "runtime/kernel_batches.h"
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
                             const std::string& target, CubinSize cubin_size,
                             std::shared_ptr<const Nvrtc> loaded)
    : reporter(report),
      nvrtc(std::move(loaded)),
      flags(nvrtc->flags(target)),
      size(cubin_size),
      folder(options.cache_dir, options.temp_dir, report),
      cache(folder, nvrtc->identity(),
            join(flags, " ") +
                (size == CubinSize::kOne ? ", each kernel alone" : ""),
            target),
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
    job.place = {tools_.cache.key(header_, kernels_[i].text),
                 kernels_[i].name};
    if ((job.cubin = tools_.cache.find(job.place))) {
      job.is_asked_for = true;
      ++report_.cached;
    } else if (!kernels_[i].may_rest) {
      (kernels_[i].wanted_first ? first : others).push_back(int(i));
    }
  }
  request(first);
  request(others);
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
  std::set<int> missing;  // launches may ask for a kernel several times
  for (int kernel : kernels) {
    if (!jobs_[static_cast<size_t>(kernel)].is_asked_for) {
      missing.insert(kernel);
    }
  }
  for (auto& program : programs_of({missing.begin(), missing.end()})) {
    start(std::move(program));
  }
}

// As many for each worker as give it a text of this length: the longest program
// begins first, and whoever is done takes the next.
std::vector<std::vector<int>> CubinCompiler::programs_of(
    std::vector<int> kernels) const {
  constexpr size_t kLongText = 16'000;
  if (tools_.size == CubinSize::kOne) {
    return make_batches(kernels, kernels_, static_cast<int>(kernels.size()));
  }
  size_t length = 0;
  for (int kernel : kernels) {
    length += kernels_[static_cast<size_t>(kernel)].text.size();
  }
  const auto workers = static_cast<size_t>(tools_.parallel);
  const size_t turns = length / (kLongText * workers) + 1;
  return make_batches(std::move(kernels), kernels_,
                      static_cast<int>(turns * workers));
}

// Requires: the mutex is held. Whatever of this fails, the kernels can be asked
// for again.
void CubinCompiler::start(std::vector<int> kernels) {
  for (int kernel : kernels) {
    tools_.reporter.detail(cat({"kernel ",
                                kernels_[static_cast<size_t>(kernel)].name,
                                " is compiled by NVRTC"}));
  }
  if (working_ < tools_.parallel) {
    workers_.emplace_back([this] { work(); });
    ++working_;
  }
  waiting_.push_back(std::move(kernels));
  for (int kernel : waiting_.back()) {
    jobs_[static_cast<size_t>(kernel)].is_asked_for = true;
    ++report_.compiled;
  }
}

// A worker ends when nothing waits; the next request starts another.
void CubinCompiler::work() {
  for (auto program = next(); !program.empty(); program = next()) {
    compile(program);
  }
}

std::vector<int> CubinCompiler::next() {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) {
    --working_;
    return {};
  }
  std::vector<int> program = std::move(waiting_.front());
  waiting_.pop_front();
  return program;
}

void CubinCompiler::compile(const std::vector<int>& kernels) {
  const auto job = [this](int kernel) -> Job& {
    return jobs_[static_cast<size_t>(kernel)];
  };
  try {
    auto compiled = std::make_shared<Compiled>();
    compiled->kernels = kernels;
    compiled->text = text_of_batch(kernels, kernels_);
    compiled->result = tools_.nvrtc->compile(
        header_, job(kernels.front()).place.name, compiled->text,
        tools_.flags);
    compiled->ready = seconds_since(start_);
    if (compiled->result.ok || kernels.size() == 1) {
      for (int kernel : kernels) job(kernel).promise.set_value(compiled);
      return;
    }
  } catch (...) {
    for (int kernel : kernels) {
      job(kernel).promise.set_exception(std::current_exception());
    }
    return;
  }
  // Each says for itself whether it compiles.
  for (int kernel : kernels) compile({kernel});
}

Cubin CubinCompiler::take(int kernel) {
  Job& job = jobs_[static_cast<size_t>(kernel)];
  if (job.cubin) return job.cubin;
  request({kernel});
  const CompiledRef& compiled = job.compiled.get();
  if (!compiled->result.ok) {
    fail(kernels_[static_cast<size_t>(kernel)], compiled->result);
  }
  report_.seconds = std::max(report_.seconds, compiled->ready);
  if (!std::exchange(compiled->is_filed, true)) file(*compiled);
  return {compiled, &compiled->result.cubin};
}

void CubinCompiler::file(const Compiled& compiled) {
  std::vector<CubinCache::Place> places;
  for (int kernel : compiled.kernels) {
    places.push_back(jobs_[static_cast<size_t>(kernel)].place);
  }
  if (!tools_.cache.store(places, compiled.text, compiled.result.cubin)) {
    tools_.reporter.warning(cat({"cannot keep kernels in ",
                                 tools_.folder.path(), ": ",
                                 std::strerror(errno)}));
  }
  prune_daily(tools_.folder.path());
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
