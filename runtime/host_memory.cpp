#include "runtime/host_memory.h"

#include <sys/mman.h>

#include <cstdlib>

#include "codegen/program.h"
#include "runtime/machine.h"
#include "spec/check.h"
#include "spec/round_up.h"

namespace lathe {
namespace {

constexpr int64_t kHugePage = int64_t{2} << 20;
// From here on it is worth asking how much memory there is.
constexpr int64_t kLarge = int64_t{64} << 20;

[[noreturn]] void fail_short(int64_t bytes, int64_t available) {
  std::string message = cat({"no memory for ", bytes, " bytes"});
  if (available > 0) message += cat({"; ", available, " are free"});
  throw DeviceError("L0702", message);
}

class SmallBlock : public Memory {
 public:
  explicit SmallBlock(int64_t bytes) : Memory(nullptr, bytes) {
    const int64_t whole =
        round_up(std::max<int64_t>(bytes, 1), kBufferAlignment);
    data_ = std::aligned_alloc(kBufferAlignment, static_cast<size_t>(whole));
    if (data_ == nullptr) fail_short(bytes, 0);
  }
  ~SmallBlock() override { std::free(data_); }
};

// Mapped with a margin, so that the block begins on a huge page.
class LargeBlock : public Memory {
 public:
  explicit LargeBlock(int64_t bytes) : Memory(nullptr, bytes) {
    mapped_bytes_ = static_cast<size_t>(bytes + 2 * kHugePage);
    mapping_ = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping_ == MAP_FAILED) fail_short(bytes, 0);
    const auto address = reinterpret_cast<uintptr_t>(mapping_);
    const auto page = static_cast<uintptr_t>(kHugePage);
    data_ = reinterpret_cast<void*>((address + page - 1) / page * page);
    // Only a wish; without it everything works, slower.
    (void)madvise(data_, static_cast<size_t>(round_up(bytes, kHugePage)),
                  MADV_HUGEPAGE);
  }
  ~LargeBlock() override { munmap(mapping_, mapped_bytes_); }

 private:
  void* mapping_ = nullptr;
  size_t mapped_bytes_ = 0;
};

}  // namespace

std::unique_ptr<Memory> allocate_host(int64_t bytes) {
  LATHE_CHECK(bytes >= 0, bytes, " bytes");
  if (bytes > INT64_MAX - 4 * kHugePage) fail_short(bytes, 0);
  if (bytes < kHugePage) return std::make_unique<SmallBlock>(bytes);
  if (bytes >= kLarge) {
    const int64_t available = available_memory();
    if (available > 0 && bytes > available) fail_short(bytes, available);
  }
  return std::make_unique<LargeBlock>(bytes);
}

bool is_aligned_for(DType dtype, const void* address) {
  const auto bytes = static_cast<uintptr_t>(info(dtype).bytes_per_block);
  return reinterpret_cast<uintptr_t>(address) % bytes == 0;
}

}  // namespace lathe
