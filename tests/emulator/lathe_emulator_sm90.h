#pragma once
// The hardware part of the device header for sm_90a, where kernels run on the
// CPU. Included by lathe_emulator.h.

INLINE u32 shared_address(const void* p) {
  return (u32)((const u8*)p - shared_memory());
}

template <int N>
INLINE void start_barrier(i64* barrier, int line = __builtin_LINE()) {
  lathe_emulator->start_barrier(barrier, N, line);
}
INLINE void end_barrier(i64* barrier, int line = __builtin_LINE()) {
  lathe_emulator->end_barrier(barrier, line);
}
INLINE void fence_barriers() { lathe_emulator->fence_barriers(); }
INLINE void fence_copies() { lathe_emulator->fence_copies(); }
INLINE void arrive(i64* barrier, int line = __builtin_LINE()) {
  lathe_emulator->arrive(barrier, 0, line);
}
template <int N>
INLINE void expect_bytes(i64* barrier, int line = __builtin_LINE()) {
  lathe_emulator->arrive(barrier, N, line);
}
INLINE void await_phase(i64* barrier, i64 parity,
                        int line = __builtin_LINE()) {
  lathe_emulator->await_phase(barrier, (u32)parity, line);
}
INLINE void fetch_tile(void* to, const TensorMap* map, i64* barrier,
                       i64 number, i64 first_line,
                       int line = __builtin_LINE()) {
  lathe_emulator->fetch_tile(to, map, barrier, number, first_line, line);
}

INLINE void begin_products() { lathe_emulator->begin_products(); }
INLINE void group_products() { lathe_emulator->group_products(); }
template <int N> INLINE void await_products(int line = __builtin_LINE()) {
  lathe_emulator->await_products(N, line);
}
INLINE void emulate_tile(f32* sums, u64 left, u64 right, i64 keep,
                         u32 element, f32 (*left_number)(const void*),
                         f32 (*right_number)(const void*), int line) {
  const EmulatedTile tile = {sums,    left,        right,       keep != 0,
                             element, left_number, right_number};
  lathe_emulator->add_product(&tile, line);
}

template <int N> INLINE void fewer_registers() {
  static_assert(N % 8 == 0 && N >= 24 && N <= 256, "no such registers");
}
template <int N> INLINE void more_registers() { fewer_registers<N>(); }
