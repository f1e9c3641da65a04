#include "tests/emulator/fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>

#ifdef LATHE_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#ifdef LATHE_FIBER_UCONTEXT

namespace lathe {
namespace {

void prepare_stack(FiberPlace& place, void* stack, size_t bytes,
                   void (*body)()) {
  getcontext(&place.context);
  place.context.uc_stack.ss_sp = stack;
  place.context.uc_stack.ss_size = bytes;
  place.context.uc_link = nullptr;
  makecontext(&place.context, body, 0);
}

void switch_stack(FiberPlace& here, FiberPlace& there) {
  swapcontext(&here.context, &there.context);
}

}  // namespace
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
namespace {

void prepare_stack(FiberPlace& place, void* stack, size_t bytes,
                   void (*body)()) {
  auto top = reinterpret_cast<uintptr_t>(stack) + bytes;
  void** slot = reinterpret_cast<void**>(top & ~uintptr_t{15});
  // What `ret` finds: `body`, on a stack aligned as after a call.
  *--slot = nullptr;
  *--slot = reinterpret_cast<void*>(body);
  for (int saved = 0; saved < 6; ++saved) *--slot = nullptr;
  place.stack_pointer = slot;
}

void switch_stack(FiberPlace& here, FiberPlace& there) {
  lathe_switch_stack(&here.stack_pointer, there.stack_pointer);
}

}  // namespace
}  // namespace lathe

#endif

namespace lathe {

#ifdef LATHE_ASAN

namespace {

thread_local FiberPlace* left = nullptr;
thread_local FiberPlace* entered = nullptr;

// On the new stack: whose stack the thread came from, is learnt here.
void arrive(void* fake_stack) {
  __sanitizer_finish_switch_fiber(fake_stack, &left->bottom, &left->bytes);
}

void start() {
  arrive(nullptr);
  entered->body();
}

}  // namespace

void forget_stack(void* stack, size_t bytes) {
  __asan_unpoison_memory_region(stack, bytes);
}

void prepare_fiber(FiberPlace& place, void* stack, size_t bytes,
                   void (*body)()) {
  forget_stack(stack, bytes);
  place.bottom = stack;
  place.bytes = bytes;
  place.fake_stack = nullptr;
  place.body = body;
  prepare_stack(place, stack, bytes, start);
}

void switch_fiber(FiberPlace& here, FiberPlace& there) {
  left = &here;
  entered = &there;
  __sanitizer_start_switch_fiber(&here.fake_stack, there.bottom, there.bytes);
  switch_stack(here, there);
  arrive(here.fake_stack);
}

#else

void forget_stack(void*, size_t) {}

void prepare_fiber(FiberPlace& place, void* stack, size_t bytes,
                   void (*body)()) {
  prepare_stack(place, stack, bytes, body);
}

void switch_fiber(FiberPlace& here, FiberPlace& there) {
  switch_stack(here, there);
}

#endif

Stacks::Stacks(unsigned count) : bytes_(count * kBytes) {
  void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  memory_ = static_cast<unsigned char*>(memory);
}

Stacks::~Stacks() {
  forget_stack(memory_, bytes_);
  munmap(memory_, bytes_);
}

}  // namespace lathe
