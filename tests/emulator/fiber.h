#pragma once
// Functions that can be left in the middle and gone on with: a stack of their
// own, and a switch of sixteen instructions where we know the machine.

#include <cstddef>

#if !defined(__x86_64__)
#define LATHE_FIBER_UCONTEXT 1
#include <ucontext.h>
#endif

#include "tests/support/sanitizer.h"

namespace lathe {

// Where a fiber, or the thread that runs fibers, was left.
struct FiberPlace {
#ifdef LATHE_FIBER_UCONTEXT
  ucontext_t context;
#else
  void* stack_pointer = nullptr;
#endif
#ifdef LATHE_ASAN
  // What the address sanitizer has to know of a stack.
  const void* bottom = nullptr;
  size_t bytes = 0;
  void* fake_stack = nullptr;
  void (*body)() = nullptr;
#endif
};

// Makes `place` the start of `body`, which must not return.
void prepare_fiber(FiberPlace& place, void* stack, size_t bytes,
                   void (*body)());

// Stacks for so many fibers; pages come as they are touched.
class Stacks {
 public:
  explicit Stacks(unsigned count);
  ~Stacks();
  Stacks(const Stacks&) = delete;
  Stacks& operator=(const Stacks&) = delete;

  // Kernels may keep a row of 64 KiB on the stack.
  static constexpr size_t kBytes = 256 * 1024;
  void* of(unsigned thread) const { return memory_ + thread * kBytes; }

 private:
  size_t bytes_;
  unsigned char* memory_;
};

// The memory is a stack no more: fibers that were given up left marks of their
// frames there, which the address sanitizer would hold against its next user.
void forget_stack(void* stack, size_t bytes);

// Leaves here and goes on there.
void switch_fiber(FiberPlace& here, FiberPlace& there);

}  // namespace lathe
