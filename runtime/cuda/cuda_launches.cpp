#include "runtime/cuda/cuda_launches.h"

#include <algorithm>

#include "spec/check.h"

namespace lathe::cuda {
namespace {

// The most blocks of a grid; fewer do all items all the same.
constexpr int64_t kMostBlocks = (int64_t{1} << 31) - 1;

}  // namespace

CudaLaunches::CudaLaunches(CudaModule& module, StreamRef stream,
                           std::vector<Launch> launches)
    : launches_(std::move(launches)), stream_(std::move(stream)) {
  for (const Launch& launch : launches_) {
    steps_.push_back(make_step(module, launch));
  }
  if (steps_.empty()) return;
  const Driver& driver = stream_->context().driver();
  driver.check(driver.cuMemAllocAsync(&faults_, sizeof(Fault) * steps_.size(),
                                      stream_->get()),
               "cuMemAllocAsync");
  for (size_t i = 0; i < steps_.size(); ++i) {
    steps_[i].values.back() = faults_ + sizeof(Fault) * i;
  }
}

CudaLaunches::~CudaLaunches() {
  if (faults_ == 0) return;
  (void)stream_->context().driver().cuMemFreeAsync(faults_, stream_->get());
}

CudaLaunches::Step CudaLaunches::make_step(CudaModule& module,
                                           const Launch& launch) {
  const KernelSource& source = module.source(launch.kernel);
  const KernelLaunch& shape = source.launch;
  LATHE_CHECK(shape.threads > 0, source.name, " is not for a GPU");
  Step step;
  step.function = module.function(launch.kernel);
  step.place = cat({"kernel ", source.name, " of ", source.place});
  const int64_t blocks = (launch.items + shape.items() - 1) / shape.items();
  step.config.gridDimX =
      static_cast<unsigned>(std::min(blocks, kMostBlocks));
  step.config.gridDimY = step.config.gridDimZ = 1;
  step.config.blockDimX = static_cast<unsigned>(shape.threads);
  step.config.blockDimY = step.config.blockDimZ = 1;
  step.config.sharedMemBytes = static_cast<unsigned>(shape.shared_bytes);
  step.config.hStream = stream_->get();
  step.values.assign(launch.buffers.size(), 0);
  for (int64_t dim : launch.dims) {
    step.values.push_back(static_cast<uint64_t>(dim));
  }
  step.values.push_back(static_cast<uint64_t>(launch.items));
  step.values.push_back(0);
  for (uint64_t& value : step.values) step.parameters.push_back(&value);
  return step;
}

void CudaLaunches::fill(std::span<void* const> buffers) {
  for (size_t i = 0; i < steps_.size(); ++i) {
    for (size_t b = 0; b < launches_[i].buffers.size(); ++b) {
      const auto index = static_cast<size_t>(launches_[i].buffers[b]);
      steps_[i].values[b] = reinterpret_cast<uint64_t>(buffers[index]);
    }
  }
}

std::optional<LaunchFault> CudaLaunches::run(
    std::span<void* const> buffers, std::vector<int64_t>* nanoseconds) {
  if (nanoseconds) nanoseconds->assign(steps_.size(), 0);
  if (steps_.empty()) return std::nullopt;
  const Driver& driver = stream_->context().driver();
  stream_->context().use();
  fill(buffers);
  // All bits set is a fault's `site` of -1: none.
  driver.check(driver.cuMemsetD8Async(faults_, 0xff,
                                      sizeof(Fault) * steps_.size(),
                                      stream_->get()),
               "cuMemsetD8Async");
  while (nanoseconds && events_.size() <= steps_.size()) {
    events_.emplace_back(stream_);
  }
  if (nanoseconds) events_[0].record();
  for (size_t i = 0; i < steps_.size(); ++i) {
    Step& step = steps_[i];
    if (step.config.gridDimX > 0) {
      driver.check(driver.cuLaunchKernelEx(&step.config, step.function,
                                           step.parameters.data(), nullptr),
                   "cuLaunchKernelEx", step.place);
    }
    if (nanoseconds) events_[i + 1].record();
  }
  const auto fault = first_fault();
  for (size_t i = 0; nanoseconds && i < steps_.size(); ++i) {
    (*nanoseconds)[i] = events_[i + 1].nanoseconds_since(events_[i]);
  }
  return fault;
}

// Waits for the launches. A fault does not stop later ones; the first counts.
std::optional<LaunchFault> CudaLaunches::first_fault() {
  const Driver& driver = stream_->context().driver();
  std::vector<Fault> faults(steps_.size());
  driver.check(
      driver.cuMemcpyDtoHAsync(faults.data(), faults_,
                               sizeof(Fault) * faults.size(), stream_->get()),
      "cuMemcpyDtoHAsync");
  const bool one = steps_.size() == 1;
  stream_->wait(one ? steps_[0].place
                    : cat({steps_.size(), " kernels, the first ",
                           steps_[0].place}));
  for (size_t i = 0; i < faults.size(); ++i) {
    if (faults[i].site < 0) continue;
    return LaunchFault{static_cast<int>(i), faults[i]};
  }
  return std::nullopt;
}

}  // namespace lathe::cuda
