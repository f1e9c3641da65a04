#include "runtime/cuda/cuda_launches.h"

#include <algorithm>

#include "runtime/cuda/tensor_maps.h"
#include "spec/check.h"

namespace lathe::cuda {
namespace {

// The most blocks of a grid; fewer do all items all the same.
constexpr int64_t kMostBlocks = (int64_t{1} << 31) - 1;

// Compute capability from which a kernel may start before its predecessor's
// end.
constexpr int kLeastOverlapping = 90;

}  // namespace

CudaLaunches::CudaLaunches(CudaModule& module, ProductLibrary* library,
                           StreamRef stream, std::vector<Launch> launches)
    : launches_(std::move(launches)),
      stream_(std::move(stream)),
      overlaps_(stream_->context().capability() >= kLeastOverlapping),
      graph_(stream_) {
  std::vector<int> wanted;
  for (const Launch& launch : launches_) {
    if (launch.items > 0 && !launch.product) wanted.push_back(launch.kernel);
  }
  module.request(wanted);
  for (const Launch& launch : launches_) {
    steps_.push_back(launch.product ? make_product(library, launch)
                                    : make_step(module, launch));
  }
  if (steps_.empty()) return;
  const bool one = steps_.size() == 1;
  place_ = one ? steps_[0].place
               : cat({steps_.size(), " steps, the first ", steps_[0].place});
  const size_t bytes = sizeof(Fault) * steps_.size();
  faults_.emplace(stream_, static_cast<int64_t>(bytes));
  found_.emplace(stream_->context_ref(), bytes);
  for (size_t i = 0; i < steps_.size(); ++i) {
    if (steps_[i].is_product) continue;
    steps_[i].values.back() = faults_->get() + sizeof(Fault) * i;
  }
}

CudaLaunches::Step CudaLaunches::make_product(ProductLibrary* library,
                                              const Launch& launch) {
  Step step;
  step.place = cat({"product ", launch.place});
  step.values.assign(launch.buffers.size(), 0);
  step.is_product = true;
  step.runs = launch.items > 0;
  if (!step.runs) return step;
  std::string reason = "there is none";
  if (library) step.product = library->plan(*launch.product, reason);
  LATHE_CHECK(step.product != nullptr, "the library refuses ",
              to_string(*launch.product), " that it took: ", reason);
  return step;
}

CudaLaunches::Step CudaLaunches::make_step(CudaModule& module,
                                           const Launch& launch) {
  const KernelSource& source = module.source(launch.kernel);
  const KernelLaunch& shape = source.launch;
  LATHE_CHECK(shape.threads > 0, source.name, " is not for a GPU");
  LATHE_CHECK(shape.workers == 1 || launch.items <= kMostSharedItems,
              source.name, " has ", launch.items, " items");
  Step step;
  if (launch.items > 0) step.function = module.function(launch.kernel);
  step.place = cat({"kernel ", source.name, " of ", source.place});
  const int64_t blocks = (launch.items + shape.items() - 1) / shape.items();
  step.runs = blocks > 0;
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
  step.views = &shape.views;
  step.maps.resize(shape.views.size());
  for (uint64_t& value : step.values) step.parameters.push_back(&value);
  for (CUtensorMap& map : step.maps) step.parameters.push_back(&map);
  return step;
}

// Kernels that are not launched may have views of nothing.
void CudaLaunches::encode_maps(Step& step, const Launch& launch) const {
  if (step.config.gridDimX == 0) return;
  for (size_t i = 0; i < step.maps.size(); ++i) {
    const TensorView& view = (*step.views)[i];
    step.maps[i] = tensor_map(stream_->context().driver(), view, launch.dims,
                              step.values[static_cast<size_t>(view.buffer)],
                              step.place);
  }
}

// Where an address is another than in the last run, the graph is not current
// from then on: a map that cannot be made leaves what the next run mends.
void CudaLaunches::fill(std::span<void* const> buffers) {
  for (size_t i = 0; i < steps_.size(); ++i) {
    Step& step = steps_[i];
    for (size_t b = 0; b < launches_[i].buffers.size(); ++b) {
      const auto index = static_cast<size_t>(launches_[i].buffers[b]);
      const auto address = reinterpret_cast<uint64_t>(buffers[index]);
      if (step.values[b] == address) continue;
      step.values[b] = address;
      step.has_maps = is_current_ = false;
    }
    if (step.has_maps) continue;
    encode_maps(step, launches_[i]);
    step.has_maps = true;
  }
}

std::optional<LaunchFault> CudaLaunches::run(
    std::span<void* const> buffers, std::vector<int64_t>* nanoseconds) {
  if (nanoseconds) nanoseconds->assign(steps_.size(), 0);
  if (steps_.empty()) return std::nullopt;
  stream_->context().use();
  fill(buffers);
  if (nanoseconds) {
    run_timed(*nanoseconds);
  } else if (runs_++ == 0) {
    // Steps that load weights run once, and so does much else.
    put_into_stream();
  } else {
    if (!is_current_) graph_.capture([this] { put_into_stream(); }, place_);
    is_current_ = true;
    graph_.launch(place_);
  }
  stream_->wait(place_);
  for (size_t i = 0; nanoseconds && i < steps_.size(); ++i) {
    (*nanoseconds)[i] = events_[i + 1].nanoseconds_since(events_[i]);
  }
  return first_fault();
}

void CudaLaunches::launch(Step& step, bool may_overlap) const {
  if (step.product) {
    step.product->run(step.values, *stream_, step.place);
    return;
  }
  const Driver& driver = stream_->context().driver();
  CUlaunchAttribute overlap = {};
  overlap.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
  overlap.value.programmaticStreamSerializationAllowed = 1;
  CUlaunchConfig config = step.config;
  if (may_overlap && overlaps_) {
    config.attrs = &overlap;
    config.numAttrs = 1;
  }
  driver.check(driver.cuLaunchKernelEx(&config, step.function,
                                       step.parameters.data(), nullptr),
               "cuLaunchKernelEx", step.place);
}

void CudaLaunches::clear_faults() const {
  const Driver& driver = stream_->context().driver();
  // All bits set is a fault's `site` of -1: none.
  driver.check(driver.cuMemsetD8Async(faults_->get(), 0xff, found_->bytes(),
                                      stream_->get()),
               "cuMemsetD8Async", place_);
}

void CudaLaunches::fetch_faults() const {
  const Driver& driver = stream_->context().driver();
  driver.check(driver.cuMemcpyDtoHAsync(found_->data(), faults_->get(),
                                        found_->bytes(), stream_->get()),
               "cuMemcpyDtoHAsync", place_);
}

void CudaLaunches::put_into_stream() {
  clear_faults();
  bool follows_kernel = false;
  for (Step& step : steps_) {
    if (!step.runs) continue;
    launch(step, follows_kernel);
    // A library's kernels say nothing of when a successor may start.
    follows_kernel = !step.is_product;
  }
  fetch_faults();
}

// The same with an event behind every step; none overlaps the next.
void CudaLaunches::run_timed(std::vector<int64_t>& nanoseconds) {
  while (events_.size() <= nanoseconds.size()) events_.emplace_back(stream_);
  clear_faults();
  events_[0].record();
  for (size_t i = 0; i < steps_.size(); ++i) {
    if (steps_[i].runs) launch(steps_[i], false);
    events_[i + 1].record();
  }
  fetch_faults();
}

// A fault does not stop later launches; the first counts. Requires: all is
// done.
std::optional<LaunchFault> CudaLaunches::first_fault() const {
  const auto* faults = static_cast<const Fault*>(found_->data());
  for (size_t i = 0; i < steps_.size(); ++i) {
    if (faults[i].site < 0) continue;
    return LaunchFault{static_cast<int>(i), faults[i]};
  }
  return std::nullopt;
}

}  // namespace lathe::cuda
