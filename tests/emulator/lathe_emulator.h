#pragma once
// The device header's hardware part where kernels run on the CPU: what kernel
// text includes instead of PTX. It includes nothing itself, so that a kernel
// compiles in a moment; the work is done behind a table of functions, which
// whoever loads the kernel sets (emulator.h).

#define __global__
#define __launch_bounds__(threads)
#define __restrict__ __restrict

#include "emulator_api.h"

extern "C" {
__attribute__((weak)) const EmulatorApi* lathe_emulator = nullptr;
}

INLINE u32 thread_index() { return lathe_emulator->thread_index(); }
INLINE u32 block_threads() { return lathe_emulator->block_threads(); }
INLINE u32 block_index() { return lathe_emulator->block_index(); }
INLINE u32 block_count() { return lathe_emulator->block_count(); }
INLINE u8* shared_memory() { return lathe_emulator->shared_memory(); }

template <int W> INLINE void barrier(int line = __builtin_LINE()) {
  if constexpr (W <= 32) {
    lathe_emulator->warp_barrier(line);
  } else {
    lathe_emulator->block_barrier(line);
  }
}
template <class T>
INLINE T shuffle_xor(T x, int mask, int line = __builtin_LINE()) {
  T other;
  unsigned from = (thread_index() % 32) ^ static_cast<unsigned>(mask);
  lathe_emulator->exchange(&x, &other, sizeof x, from, line);
  return other;
}
INLINE bool claim(i64* place, i64 wanted, i64 value) {
  return __atomic_compare_exchange_n(place, &wanted, value, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
INLINE void publish() {}
template <int N>
INLINE void move(void* to, const void* from, int line = __builtin_LINE()) {
  static_assert(N == 4 || N == 8 || N == 16, "no such access");
  if ((reinterpret_cast<u64>(to) | reinterpret_cast<u64>(from)) % N != 0) {
    lathe_emulator->fail("a move is not aligned", line);
  }
  __builtin_memcpy(to, from, N);
}

