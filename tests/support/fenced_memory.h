#pragma once
// Memory for a buffer between pages that nobody may touch, and what becomes of
// code that touches them. Kernels that go beyond a buffer mostly find memory
// there and do no harm that a comparison of results would show; here they stop.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

namespace lathe {

// Which end of the buffer lies at a page that nobody may touch. On the other
// side is one, too, but what is left of a page may lie between.
enum class Fence { kBehind, kBefore };

enum class Access { kNone, kRead, kWrite };

class FencedMemory {
 public:
  // Filled with `fill`. Behind the buffer may be up to `alignment` - 1 bytes
  // that belong to it. Requires: a power of two.
  FencedMemory(int64_t bytes, int64_t alignment, Fence fence, std::byte fill);
  ~FencedMemory();
  FencedMemory(const FencedMemory&) = delete;
  FencedMemory& operator=(const FencedMemory&) = delete;

  std::byte* data() const { return data_; }

  // What may be done from now on.
  void allow(Access access);

  // Where the address is, from data(), if it is here or in the fences.
  std::optional<int64_t> offset_of(const void* address) const;

  // Whether something was stored beside the buffer, where no fence is. Requires:
  // reading is allowed.
  bool is_overrun() const;

 private:
  std::byte* mapping_ = nullptr;
  std::byte* pages_ = nullptr;  // between the fences
  size_t page_bytes_ = 0;
  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
  std::byte fill_;
};

// How `run` ended before its end.
struct Trap {
  const void* address = nullptr;  // what it touched, or where it was
  bool memory = false;            // it touched what it may not
};

// Calls `run` on this thread. Where it touches a fence or meets a trap, it is
// left as it is: nothing that it holds is freed.
std::optional<Trap> trap_of(const std::function<void()>& run);

}  // namespace lathe
