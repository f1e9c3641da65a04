#pragma once
// The device header's hardware part where kernels run on the CPU: what kernel
// text includes instead of PTX. It includes nothing itself, so that a kernel
// compiles in a moment; the work is done behind a table of functions, which
// whoever loads the kernel sets (emulator.h).

#define __global__
#define __launch_bounds__(...)
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
INLINE void after_predecessor() { lathe_emulator->after_predecessor(); }

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
template <class T>
INLINE T shuffle_up(T x, int lanes, int line = __builtin_LINE()) {
  T other;
  u32 lane = thread_index() % 32, distance = static_cast<u32>(lanes);
  lathe_emulator->exchange(&x, &other, sizeof x,
                           lane >= distance ? lane - distance : lane, line);
  return other;
}
INLINE bool claim(i64* place, i64 wanted, i64 value) {
  return __atomic_compare_exchange_n(place, &wanted, value, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
INLINE void publish() {}
INLINE void count_block(i32* before, i32* count) {
  *before = __atomic_fetch_add(count, 1, __ATOMIC_SEQ_CST);
}
template <int N> INLINE void check_move(const void* to, const void* from, int line) {
  static_assert(N == 4 || N == 8 || N == 16, "no such access");
  if ((reinterpret_cast<u64>(to) | reinterpret_cast<u64>(from)) % N != 0) {
    lathe_emulator->fail("a move is not aligned", line);
  }
}
template <int N>
INLINE void move(void* to, const void* from, int line = __builtin_LINE()) {
  check_move<N>(to, from, line);
  __builtin_memcpy(to, from, N);
}
template <int N> INLINE void clear(void* to, int line = __builtin_LINE()) {
  check_move<N>(to, to, line);
  __builtin_memset(to, 0, N);
}
template <int N>
INLINE void move_async(void* to, const void* from,
                       int line = __builtin_LINE()) {
  check_move<N>(to, from, line);
  lathe_emulator->begin_move(to, from, N, line);
}
INLINE void group_moves() { lathe_emulator->group_moves(); }
template <int N> INLINE void await_moves() { lathe_emulator->await_moves(N); }

INLINE f32 power_of_two(f32 x) { return __builtin_exp2f(x); }

// ldmatrix: each line begins at a multiple of 16 bytes; word i of a lane holds
// two neighbours.
INLINE i32 word_of_line(const void* line, u32 number) {
  i32 word;
  __builtin_memcpy(&word, (const u8*)line + number * 4, sizeof word);
  return word;
}
// `distance` in bytes.
INLINE void check_lines(const void* from, int distance, int line) {
  if (reinterpret_cast<u64>(from) % 16 != 0 || distance % 16 != 0) {
    lathe_emulator->fail("lines do not begin at 16 bytes", line);
  }
  lathe_emulator->warp_barrier(line);
}
template <int L, class T>
INLINE void load_16x16(i32* to, const T* from, int line = __builtin_LINE()) {
  check_lines(from, L * sizeof(T), line);
  u32 lane = thread_index() % 32;
  for (u32 i = 0; i < 4; ++i) {
    to[i] = word_of_line(from + (lane / 4 + i % 2 * 8) * L,
                         lane % 4 + i / 2 * 4);
  }
}
template <int L>
INLINE void load_8x16(i32* to, const u16* from, int line = __builtin_LINE()) {
  check_lines(from, L * 2, line);
  u32 lane = thread_index() % 32;
  for (u32 i = 0; i < 2; ++i) {
    to[i] = word_of_line(from + lane / 4 * L, lane % 4 + i * 4);
  }
}
template <int L, class T>
INLINE void load_two_8x16(i32* to, const T* from,
                          int line = __builtin_LINE()) {
  check_lines(from, L * sizeof(T), line);
  u32 lane = thread_index() % 32;
  for (u32 i = 0; i < 4; ++i) {
    to[i] = word_of_line(from + (lane / 4 + i / 2 * 8) * L,
                         lane % 4 + i % 2 * 4);
  }
}
template <int L>
INLINE void load_16x16_across(i32* to, const u16* from,
                              int line = __builtin_LINE()) {
  check_lines(from, L * 2, line);
  u32 lane = thread_index() % 32;
  for (u32 i = 0; i < 4; ++i) {
    const u16* at = from + (lane % 4 * 2 + i % 2 * 8) * L + lane / 4 + i / 2 * 8;
    to[i] = (i32)(at[0] | (u32)at[L] << 16);
  }
}
#include "lathe_emulator_sm90.h"

// mma.sync.m16n8k16: element k of row r lies in lane r % 8 * 4 + k % 8 / 2,
// word r / 8 + k / 8 * 2; of column c in lane c * 4 + k % 8 / 2, word k / 8.
// Of m16n8k32, whose elements are bytes, in the same words, four in each.
struct MmaWords {
  i32 a[4], b[2];
};
template <class F>
INLINE void emulate_mma_words(f32* sum, const i32* a, const i32* b, F product,
                              int line) {
  MmaWords mine = {{a[0], a[1], a[2], a[3]}, {b[0], b[1]}}, all[32];
  lathe_emulator->gather(&mine, all, sizeof mine, line);
  u32 lane = thread_index() % 32;
  for (u32 i = 0; i < 4; ++i) {
    u32 r = lane / 4 + i / 2 * 8, c = lane % 4 * 2 + i % 2;
    for (u32 w = 0; w < 8; ++w) {
      sum[i] = product(sum[i], all[r % 8 * 4 + w % 4].a[r / 8 + w / 4 * 2],
                       all[c * 4 + w % 4].b[w / 4]);
    }
  }
}
template <class F>
INLINE void emulate_mma(f32* sum, const i32* a, const i32* b, F number,
                        int line = __builtin_LINE()) {
  emulate_mma_words(sum, a, b, [&](f32 all, i32 x, i32 y) {
    for (u32 i = 0; i < 32; i += 16) {
      all += number((u16)(x >> i)) * number((u16)(y >> i));
    }
    return all;
  }, line);
}
template <class L, class R>
INLINE void emulate_mma8(f32* sum, const i32* a, const i32* b, L left, R right,
                         int line = __builtin_LINE()) {
  emulate_mma_words(sum, a, b, [&](f32 all, i32 x, i32 y) {
    for (u32 i = 0; i < 32; i += 8) {
      all += left((u8)(x >> i)) * right((u8)(y >> i));
    }
    return all;
  }, line);
}
