#include "tests/fake_cuda/fake_state.h"

#include <cstdlib>
#include <cstring>

#include "tests/fake_cuda/fake_cuda.h"

namespace lathe::fake {
namespace {

thread_local bool has_context = false;

}  // namespace

FakeState& state() {
  static FakeState one;
  return one;
}

size_t capacity() {
  return static_cast<size_t>(setting("LATHE_FAKE_MEMORY", int64_t{8} << 30));
}

FakeState::~FakeState() {
  log_line("left: " + std::to_string(used_) + " bytes, " +
           std::to_string(objects + static_cast<int>(pinned_.size())) +
           " objects");
}

CUresult FakeState::allocate(CUdeviceptr* to, size_t bytes) {
  if (bytes == 0) return CUDA_ERROR_INVALID_VALUE;
  if (used_ + bytes > capacity()) return CUDA_ERROR_OUT_OF_MEMORY;
  void* data = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  // Poison: floats are no numbers.
  std::memset(data, 0xff, bytes);
  device_[reinterpret_cast<uintptr_t>(data)] = bytes;
  used_ += bytes;
  *to = reinterpret_cast<CUdeviceptr>(data);
  return CUDA_SUCCESS;
}

CUresult FakeState::release(CUdeviceptr pointer) {
  const auto found = device_.find(static_cast<uintptr_t>(pointer));
  if (found == device_.end()) return CUDA_ERROR_INVALID_VALUE;
  used_ -= found->second;
  std::free(reinterpret_cast<void*>(found->first));
  device_.erase(found);
  return CUDA_SUCCESS;
}

// Whether [begin, begin + bytes) lies in one range.
bool FakeState::holds(const Ranges& ranges, uintptr_t begin, size_t bytes) {
  auto after = ranges.upper_bound(begin);
  if (after == ranges.begin()) return false;
  --after;
  return begin + bytes <= after->first + after->second;
}

bool FakeState::is_device_range(CUdeviceptr pointer, size_t bytes) const {
  return holds(device_, static_cast<uintptr_t>(pointer), bytes);
}

void* FakeState::pin(size_t bytes) {
  void* data = std::malloc(bytes);
  pinned_[reinterpret_cast<uintptr_t>(data)] = bytes;
  return data;
}

bool FakeState::unpin(void* data) {
  if (pinned_.erase(reinterpret_cast<uintptr_t>(data)) == 0) return false;
  std::free(data);
  return true;
}

bool FakeState::is_pinned(const void* data, size_t bytes) const {
  return holds(pinned_, reinterpret_cast<uintptr_t>(data), bytes);
}

CUresult begin_call(const char* name, FakeNeeds needs) {
  (void)state();  // the log gets its last line whatever fails
  const char* failing = std::getenv("LATHE_FAKE_FAIL");
  if (failing && std::strcmp(failing, name) == 0) return CUDA_ERROR_UNKNOWN;
  if (needs == FakeNeeds::kNothing) return CUDA_SUCCESS;
  if (!has_context) return CUDA_ERROR_INVALID_CONTEXT;
  if (needs == FakeNeeds::kNoCapture && state().captured) {
    state().captured->spoiled = true;
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  return CUDA_SUCCESS;
}

void set_current(bool current) { has_context = current; }

CUresult put(CUstream stream, FakeWork work) {
  auto& fake = *reinterpret_cast<FakeStream*>(stream);
  if (!fake.captured) return work.run();
  fake.work.push_back(std::move(work));
  return CUDA_SUCCESS;
}

}  // namespace lathe::fake
