#include "tests/support/fenced_memory.h"

#include <csetjmp>
#include <csignal>
#include <cstring>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "spec/check.h"

namespace lathe {
namespace {

size_t page_size() {
  static const auto size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

size_t round_up(size_t bytes, size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

int protection(Access access) {
  switch (access) {
    case Access::kNone:
      return PROT_NONE;
    case Access::kRead:
      return PROT_READ;
    case Access::kWrite:
      return PROT_READ | PROT_WRITE;
  }
  return PROT_NONE;
}

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE};

thread_local sigjmp_buf leave;
thread_local Trap found;

void leave_run(int signal, siginfo_t* facts, void*) {
  found = {facts->si_addr, signal == SIGSEGV || signal == SIGBUS};
  siglongjmp(leave, 1);
}

// Signals come here while this lives.
class SignalHandlers {
 public:
  SignalHandlers() {
    struct sigaction ours = {};
    ours.sa_sigaction = leave_run;
    ours.sa_flags = SA_SIGINFO | SA_NODEFER;
    for (size_t i = 0; i < std::size(kSignals); ++i) {
      sigaction(kSignals[i], &ours, &before_[i]);
    }
  }
  ~SignalHandlers() {
    for (size_t i = 0; i < std::size(kSignals); ++i) {
      sigaction(kSignals[i], &before_[i], nullptr);
    }
  }
  SignalHandlers(const SignalHandlers&) = delete;
  SignalHandlers& operator=(const SignalHandlers&) = delete;

 private:
  struct sigaction before_[std::size(kSignals)];
};

}  // namespace

FencedMemory::FencedMemory(int64_t bytes, int64_t alignment, Fence fence,
                           std::byte fill)
    : bytes_(static_cast<size_t>(bytes)), fill_(fill) {
  const size_t page = page_size();
  const size_t whole = round_up(bytes_, static_cast<size_t>(alignment));
  page_bytes_ = round_up(whole, page);
  void* mapping = mmap(nullptr, page_bytes_ + 2 * page, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  LATHE_CHECK(mapping != MAP_FAILED, "no memory for ", bytes, " bytes");
  mapping_ = static_cast<std::byte*>(mapping);
  pages_ = mapping_ + page;
  data_ = fence == Fence::kBefore ? pages_ : pages_ + (page_bytes_ - whole);
  allow(Access::kWrite);
  if (page_bytes_ > 0) std::memset(pages_, static_cast<int>(fill), page_bytes_);
}

FencedMemory::~FencedMemory() { munmap(mapping_, page_bytes_ + 2 * page_size()); }

void FencedMemory::allow(Access access) {
  if (page_bytes_ == 0) return;
  LATHE_CHECK(mprotect(pages_, page_bytes_, protection(access)) == 0,
              "mprotect fails");
}

std::optional<int64_t> FencedMemory::offset_of(const void* address) const {
  const auto at = reinterpret_cast<uintptr_t>(address);
  const auto from = reinterpret_cast<uintptr_t>(mapping_);
  if (at < from || at >= from + page_bytes_ + 2 * page_size()) return {};
  return static_cast<int64_t>(at - reinterpret_cast<uintptr_t>(data_));
}

bool FencedMemory::is_overrun() const {
  const auto untouched = [this](std::byte b) { return b == fill_; };
  return !std::all_of(pages_, data_, untouched) ||
         !std::all_of(data_ + bytes_, pages_ + page_bytes_, untouched);
}

std::optional<Trap> trap_of(const std::function<void()>& run) {
  const SignalHandlers handlers;
  if (sigsetjmp(leave, 1) != 0) return found;
  run();
  return {};
}

}  // namespace lathe
