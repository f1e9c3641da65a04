#pragma once
// What the fake driver keeps, and what every call of it begins with.

#include <cuda.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace lathe::fake {

// A call that a stream holds back while it is captured.
struct FakeWork {
  std::string what;  // "kernel NAME", "set", "copy"
  std::function<CUresult()> run;
};
struct FakeStream {
  bool captured = false;
  bool spoiled = false;  // a call came that no capture allows
  std::vector<FakeWork> work;
};
struct FakeEvent {
  bool recorded = false;
};
struct FakeGraph {
  std::vector<FakeWork> work;
};

// All memory and objects. At the end of the process the log says what of them
// was never given back.
class FakeState {
 public:
  ~FakeState();

  // Device memory.
  CUresult allocate(CUdeviceptr* to, size_t bytes);
  CUresult release(CUdeviceptr pointer);
  bool is_device_range(CUdeviceptr pointer, size_t bytes) const;
  size_t used() const { return used_; }

  // Memory of the host that was pinned.
  void* pin(size_t bytes);
  bool unpin(void* data);
  bool is_pinned(const void* data, size_t bytes) const;

  // Streams and the like: made and gone.
  int objects = 0;
  int launches = 0;
  FakeStream* captured = nullptr;  // the stream that is being captured

 private:
  using Ranges = std::map<uintptr_t, size_t>;
  static bool holds(const Ranges& ranges, uintptr_t begin, size_t bytes);

  Ranges device_, pinned_;
  size_t used_ = 0;
};

FakeState& state();
size_t capacity();

// Every call begins with this: an error if LATHE_FAKE_FAIL names it, if no
// context is current though it wants one, or if a stream is being captured
// and the call may not be made then.
enum class FakeNeeds { kNothing, kContext, kNoCapture };
CUresult begin_call(const char* name, FakeNeeds needs);

// Makes the context the calling thread's.
void set_current(bool current);

// Runs the work now, or when the graph is launched that is being captured.
CUresult put(CUstream stream, FakeWork work);

}  // namespace lathe::fake

#define LATHE_FAKE_BEGIN(name, needs)                            \
  if (const CUresult refused = lathe::fake::begin_call(          \
          name, lathe::fake::FakeNeeds::needs);                  \
      refused != CUDA_SUCCESS) {                                 \
    return refused;                                              \
  }
