#include "tests/emulator/fiber.h"

#include <cstdint>

#ifdef LATHE_FIBER_UCONTEXT

namespace lathe {

void prepare_fiber(FiberPlace& place, void* stack, size_t bytes,
                   void (*body)()) {
  getcontext(&place.context);
  place.context.uc_stack.ss_sp = stack;
  place.context.uc_stack.ss_size = bytes;
  place.context.uc_link = nullptr;
  makecontext(&place.context, body, 0);
}

void switch_fiber(FiberPlace& here, FiberPlace& there) {
  swapcontext(&here.context, &there.context);
}

}  // namespace lathe

#else

// Saves the registers that a call keeps, changes stacks, and restores those
// of the other side.
extern "C" void lathe_switch_stack(void** save, void* load);
asm(R"(
.text
.globl lathe_switch_stack
.type lathe_switch_stack, @function
lathe_switch_stack:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
.size lathe_switch_stack, .-lathe_switch_stack
)");

namespace lathe {

void prepare_fiber(FiberPlace& place, void* stack, size_t bytes,
                   void (*body)()) {
  auto top = reinterpret_cast<uintptr_t>(stack) + bytes;
  void** slot = reinterpret_cast<void**>(top & ~uintptr_t{15});
  // What `ret` finds: `body`, on a stack aligned as after a call.
  *--slot = nullptr;
  *--slot = reinterpret_cast<void*>(body);
  for (int saved = 0; saved < 6; ++saved) *--slot = nullptr;
  place.stack_pointer = slot;
}

void switch_fiber(FiberPlace& here, FiberPlace& there) {
  lathe_switch_stack(&here.stack_pointer, there.stack_pointer);
}

}  // namespace lathe

#endif
