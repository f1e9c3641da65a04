#include "runtime/cuda/handles.h"

#include <algorithm>

#include "spec/check.h"

// Calls a function of the driver and checks its result.
#define LATHE_CUDA(driver, call, ...) \
  (driver).check((driver).call(__VA_ARGS__), #call)

namespace lathe::cuda {
namespace {

// More needs to be asked for.
constexpr int64_t kPlainSharedBytes = 48 * 1024;

}  // namespace

Context::Context(DriverRef driver, int ordinal) : driver_(std::move(driver)) {
  LATHE_CUDA(*driver_, cuDeviceGet, &device_, ordinal);
  LATHE_CUDA(*driver_, cuDevicePrimaryCtxRetain, &context_, device_);
  try {
    use();
    has_memory_pools_ =
        attribute(CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED) != 0;
  } catch (...) {
    (void)driver_->cuDevicePrimaryCtxRelease(device_);
    throw;
  }
}

Context::~Context() { (void)driver_->cuDevicePrimaryCtxRelease(device_); }

void Context::use() const { LATHE_CUDA(*driver_, cuCtxSetCurrent, context_); }

std::string Context::name() const {
  char name[256] = {};
  LATHE_CUDA(*driver_, cuDeviceGetName, name, sizeof name - 1, device_);
  return name;
}

int Context::attribute(CUdevice_attribute which) const {
  int value = 0;
  LATHE_CUDA(*driver_, cuDeviceGetAttribute, &value, which, device_);
  return value;
}

int Context::capability() const {
  return attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) * 10 +
         attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
}

Stream::Stream(ContextRef context) : context_(std::move(context)) {
  LATHE_CUDA(context_->driver(), cuStreamCreate, &stream_,
             CU_STREAM_NON_BLOCKING);
}

Stream::~Stream() { (void)context_->driver().cuStreamDestroy(stream_); }

void Stream::wait(const std::string& place) const {
  const Driver& driver = context_->driver();
  driver.check(driver.cuStreamSynchronize(stream_), "cuStreamSynchronize",
               place);
}

Event::Event(StreamRef stream) : stream_(std::move(stream)) {
  LATHE_CUDA(stream_->context().driver(), cuEventCreate, &event_,
             CU_EVENT_DEFAULT);
}

Event::Event(Event&& other) noexcept
    : stream_(std::move(other.stream_)), event_(other.event_) {
  other.event_ = nullptr;
}

Event::~Event() {
  if (event_) (void)stream_->context().driver().cuEventDestroy(event_);
}

void Event::record() const {
  LATHE_CUDA(stream_->context().driver(), cuEventRecord, event_,
             stream_->get());
}

void Event::wait() const {
  LATHE_CUDA(stream_->context().driver(), cuEventSynchronize, event_);
}

int64_t Event::nanoseconds_since(const Event& start) const {
  float milliseconds = 0;
  LATHE_CUDA(stream_->context().driver(), cuEventElapsedTime, &milliseconds,
             start.event_, event_);
  return static_cast<int64_t>(double{milliseconds} * 1e6);
}

StreamGraph::~StreamGraph() {
  if (graph_) (void)stream_->context().driver().cuGraphExecDestroy(graph_);
}

void StreamGraph::capture(const std::function<void()>& record,
                          const std::string& place) {
  const Driver& driver = stream_->context().driver();
  // Other threads may use the context as they like.
  driver.check(driver.cuStreamBeginCapture(
                   stream_->get(), CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
               "cuStreamBeginCapture", place);
  CUgraph recorded = nullptr;
  try {
    record();
  } catch (...) {
    (void)driver.cuStreamEndCapture(stream_->get(), &recorded);
    if (recorded) (void)driver.cuGraphDestroy(recorded);
    throw;
  }
  driver.check(driver.cuStreamEndCapture(stream_->get(), &recorded),
               "cuStreamEndCapture", place);
  try {
    make(recorded, place);
  } catch (...) {
    (void)driver.cuGraphDestroy(recorded);
    throw;
  }
  (void)driver.cuGraphDestroy(recorded);
}

// The same kernels with other addresses are an update, which costs less than
// a new graph.
void StreamGraph::make(CUgraph recorded, const std::string& place) {
  const Driver& driver = stream_->context().driver();
  if (graph_) {
    CUgraphExecUpdateResultInfo info = {};
    if (driver.cuGraphExecUpdate(graph_, recorded, &info) == CUDA_SUCCESS) {
      return;
    }
    (void)driver.cuGraphExecDestroy(graph_);
    graph_ = nullptr;
  }
  driver.check(driver.cuGraphInstantiate(&graph_, recorded, 0),
               "cuGraphInstantiate", place);
}

void StreamGraph::launch(const std::string& place) const {
  const Driver& driver = stream_->context().driver();
  driver.check(driver.cuGraphLaunch(graph_, stream_->get()), "cuGraphLaunch",
               place);
}

DeviceBytes::DeviceBytes(StreamRef stream, int64_t bytes)
    : stream_(std::move(stream)) {
  const Driver& driver = stream_->context().driver();
  // No bytes have an address too.
  const auto size = static_cast<size_t>(std::max<int64_t>(bytes, 1));
  if (stream_->context().has_memory_pools()) {
    LATHE_CUDA(driver, cuMemAllocAsync, &data_, size, stream_->get());
  } else {
    LATHE_CUDA(driver, cuMemAlloc, &data_, size);
  }
}

DeviceBytes::~DeviceBytes() {
  const Driver& driver = stream_->context().driver();
  if (stream_->context().has_memory_pools()) {
    (void)driver.cuMemFreeAsync(data_, stream_->get());
  } else {
    (void)driver.cuMemFree(data_);
  }
}

PinnedMemory::PinnedMemory(ContextRef context, size_t bytes)
    : context_(std::move(context)), bytes_(bytes) {
  LATHE_CUDA(context_->driver(), cuMemHostAlloc, &data_, bytes, 0);
}

PinnedMemory::~PinnedMemory() {
  (void)context_->driver().cuMemFreeHost(data_);
}

LoadedCubin::LoadedCubin(ContextRef context, const std::string& cubin,
                         const std::string& place)
    : context_(std::move(context)) {
  const Driver& driver = context_->driver();
  context_->use();
  driver.check(driver.cuModuleLoadData(&module_, cubin.data()),
               "cuModuleLoadData", place);
}

LoadedCubin::~LoadedCubin() {
  (void)context_->driver().cuModuleUnload(module_);
}

CUfunction LoadedCubin::function(const std::string& name, int64_t shared_bytes,
                                 const std::string& place) const {
  const Driver& driver = context_->driver();
  context_->use();
  CUfunction function = nullptr;
  driver.check(driver.cuModuleGetFunction(&function, module_, name.c_str()),
               "cuModuleGetFunction", place);
  if (shared_bytes <= kPlainSharedBytes) return function;
  driver.check(driver.cuFuncSetAttribute(
                   function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                   static_cast<int>(shared_bytes)),
               "cuFuncSetAttribute", place);
  return function;
}

}  // namespace lathe::cuda
