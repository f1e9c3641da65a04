// The device header's part for sm_90a: barriers in shared memory, copies of
// tiles, and products that go on beside the threads. Its twin is
// tests/emulator/lathe_emulator_sm90.h.

#include "codegen/cuda/device_text.h"

namespace lathe::cuda {

const char kDeviceSm90[] = R"(
// A tile as wgmma wants it: lines of 128 bytes, swizzled, eight of them 1024
// bytes from the next eight. It may begin inside a line, at 32 bytes.
INLINE u64 tile_descriptor(const void* from) {
  return (u64)(shared_address(from) & 0x3ffffu) >> 4 | (u64)1 << 16 | (u64)(1024 >> 4) << 32 | (u64)1 << 62;
}
#ifndef LATHE_EMULATED
template <int N> INLINE void start_barrier(i64* barrier) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" :: "r"(shared_address(barrier)), "n"(N) : "memory");
}
INLINE void end_barrier(i64* barrier) {
  asm volatile("mbarrier.inval.shared::cta.b64 [%0];" :: "r"(shared_address(barrier)) : "memory");
}
INLINE void fence_barriers() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
INLINE void fence_copies() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
INLINE void arrive(i64* barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" :: "r"(shared_address(barrier)) : "memory");
}
template <int N> INLINE void expect_bytes(i64* barrier) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" :: "r"(shared_address(barrier)), "n"(N) : "memory");
}
INLINE void await_phase(i64* barrier, i64 parity) {
  u32 done;
  do {
    asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
        : "=r"(done) : "r"(shared_address(barrier)), "r"((u32)parity) : "memory");
  } while (done == 0);
}
INLINE void fetch_tile(void* to, const TensorMap* map, i64* barrier, i64 number, i64 line) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], [%2];"
      :: "r"(shared_address(to)), "l"(map), "r"(shared_address(barrier)), "r"((i32)number), "r"((i32)line) : "memory");
}
INLINE void begin_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
INLINE void group_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int N> INLINE void await_products() { asm volatile("wgmma.wait_group.sync.aligned %0;" :: "n"(N) : "memory"); }
template <int N> INLINE void fewer_registers() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" :: "n"(N)); }
template <int N> INLINE void more_registers() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" :: "n"(N)); }
#define LATHE_8(d, i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), "+f"(d[i + 7])
#define LATHE_TILE(name, k, types, across) \
  INLINE void tile_##name(f32* d, const void* a, const void* b, i64 keep) { \
    asm volatile("{ .reg .pred p; setp.ne.b32 p, %66, 0; " \
        "wgmma.mma_async.sync.aligned.m64n128" k ".f32." types " {" \
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
        "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
        "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, " \
        "%64, %65, p, 1, 1" across "; }" \
        : LATHE_8(d, 0), LATHE_8(d, 8), LATHE_8(d, 16), LATHE_8(d, 24), \
          LATHE_8(d, 32), LATHE_8(d, 40), LATHE_8(d, 48), LATHE_8(d, 56) \
        : "l"(tile_descriptor(a)), "l"(tile_descriptor(b)), "r"((i32)keep)); \
  }
LATHE_TILE(bf16, "k16", "bf16.bf16", ", 0, 0")
LATHE_TILE(f16, "k16", "f16.f16", ", 0, 0")
LATHE_TILE(e4m3_e4m3, "k32", "e4m3.e4m3", "")
LATHE_TILE(e4m3_e5m2, "k32", "e4m3.e5m2", "")
LATHE_TILE(e5m2_e4m3, "k32", "e5m2.e4m3", "")
LATHE_TILE(e5m2_e5m2, "k32", "e5m2.e5m2", "")
#else
#define LATHE_TILE(name, left, right) \
  INLINE void tile_##name(f32* d, const void* a, const void* b, i64 keep, int line = __builtin_LINE()) { \
    emulate_tile(d, tile_descriptor(a), tile_descriptor(b), keep, sizeof(left##_number), \
        [](const void* x) { return load_##left((const left##_number*)x); }, \
        [](const void* x) { return load_##right((const right##_number*)x); }, line); \
  }
typedef u16 bf16_number, f16_number;
typedef u8 e4m3_number, e5m2_number;
LATHE_TILE(bf16, bf16, bf16)
LATHE_TILE(f16, f16, f16)
LATHE_TILE(e4m3_e4m3, e4m3, e4m3)
LATHE_TILE(e4m3_e5m2, e4m3, e5m2)
LATHE_TILE(e5m2_e4m3, e5m2, e4m3)
LATHE_TILE(e5m2_e5m2, e5m2, e5m2)
#endif
)";

}  // namespace lathe::cuda
