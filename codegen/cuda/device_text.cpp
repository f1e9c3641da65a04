// The device header's own parts. All PTX of the project stands here.

#include "codegen/cuda/device_text.h"

namespace lathe::cuda {

const char kDeviceTypes[] = R"(struct Args { Fault* fault; };
// A tensor map as a parameter; what else is said describes it.
struct alignas(64) TensorMap { u64 words[16]; };
#ifdef LATHE_EMULATED
#define TENSOR_MAP(name, ...) const TensorMap& name
#define DEVICE
#define INLINE static inline __attribute__((always_inline))
#else
#define TENSOR_MAP(name, ...) const __grid_constant__ TensorMap name
#define DEVICE __device__ __forceinline__
#define INLINE static __device__ __forceinline__
#define __builtin_inff() __int_as_float(0x7f800000)
#define __builtin_inf() __longlong_as_double(0x7ff0000000000000)
#define __builtin_nanf(text) __int_as_float(0x7fc00000)
#define __builtin_nan(text) __longlong_as_double(0x7ff8000000000000)
#define __builtin_sqrtf sqrtf
#define __builtin_sqrt sqrt
#define __builtin_fmaf fmaf
#define __builtin_convertvector(x, T) ((T)(x))
#endif
)";

const char kDeviceHardware[] = R"(
#ifdef LATHE_EMULATED
#include <lathe_emulator.h>
#else
INLINE u32 thread_index() { return threadIdx.x; }
INLINE u32 block_threads() { return blockDim.x; }
INLINE u32 block_index() { return blockIdx.x; }
INLINE u32 block_count() { return gridDim.x; }
INLINE u8* shared_memory() {
  extern __shared__ __align__(1024) u8 lathe_shared[];
  return lathe_shared;
}
template <int W> INLINE void barrier() {
  if constexpr (W <= 32) __syncwarp(); else __syncthreads();
}
template <class T> INLINE T shuffle_xor(T x, int mask) {
  return __shfl_xor_sync(0xffffffffu, x, mask);
}
template <class T> INLINE T shuffle_up(T x, int lanes) {
  return __shfl_up_sync(0xffffffffu, x, lanes);
}
// Writes `value` where `wanted` stands; true for the one thread that did.
INLINE bool claim(i64* place, i64 wanted, i64 value) {
  typedef unsigned long long Word;
  return atomicCAS((Word*)place, (Word)wanted, (Word)value) == (Word)wanted;
}
// What this thread has written is seen before what it writes next.
INLINE void publish() { __threadfence(); }
INLINE void count_block(i32* before, i32* count) {
  __threadfence();
  *before = atomicAdd(count, 1);
  __threadfence();
}
template <int N> INLINE void move(void* to, const void* from) {
  if constexpr (N == 16) *(uint4*)to = *(const uint4*)from;
  else if constexpr (N == 8) *(uint2*)to = *(const uint2*)from;
  else *(u32*)to = *(const u32*)from;
}
template <int N> INLINE void clear(void* to) {
  if constexpr (N == 16) *(uint4*)to = uint4{}; else if constexpr (N == 8) *(uint2*)to = uint2{};
  else *(u32*)to = 0;
}
INLINE u32 shared_address(const void* p) { return (u32)__cvta_generic_to_shared(p); }
template <int N> INLINE void move_async(void* to, const void* from) {
  if constexpr (N == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" :: "r"(shared_address(to)), "l"(from) : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" :: "r"(shared_address(to)), "l"(from), "n"(N) : "memory");
  }
}
INLINE void group_moves() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N> INLINE void await_moves() { asm volatile("cp.async.wait_group %0;" :: "n"(N) : "memory"); }
// A lane says where one line of 16 bytes begins.
template <int L, class T> INLINE void load_16x16(i32* to, const T* from) {
  u32 lane = thread_index() % 32;
  u32 at = shared_address(from + lane % 16 * L) + lane / 16 * 16;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
      : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3]) : "r"(at) : "memory");
}
template <int L> INLINE void load_8x16(i32* to, const u16* from) {
  u32 lane = thread_index() % 32;
  u32 at = shared_address(from + lane % 8 * L + lane / 8 % 2 * 8);
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
      : "=r"(to[0]), "=r"(to[1]) : "r"(at) : "memory");
}
// The same lines; a word of a lane holds neighbours of two of them.
template <int L> INLINE void load_16x16_across(i32* to, const u16* from) {
  u32 lane = thread_index() % 32;
  u32 at = shared_address(from + lane % 16 * L + lane / 16 * 8);
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
      : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3]) : "r"(at) : "memory");
}
template <int L, class T> INLINE void load_two_8x16(i32* to, const T* from) {
  u32 lane = thread_index() % 32;
  u32 at = shared_address(from + (lane % 8 + lane / 16 * 8) * L) + lane / 8 % 2 * 16;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
      : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3]) : "r"(at) : "memory");
}
INLINE u32 pair_bf16(f32 low, f32 high) {
  u32 both;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  return both;
}
INLINE u32 pair_f16(f32 low, f32 high) {
  u32 both;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  return both;
}
INLINE f32 power_of_two(f32 x) {
  f32 y;
  asm("ex2.approx.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
#define LATHE_MMA(name, k, types) \
  INLINE void mma_##name(f32* sum, const i32* a, const i32* b) { \
    asm volatile("mma.sync.aligned.m16n8" k ".row.col.f32." types ".f32 " \
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3]) \
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1])); \
  }
LATHE_MMA(bf16, "k16", "bf16.bf16")
LATHE_MMA(f16, "k16", "f16.f16")
LATHE_MMA(e4m3_e4m3, "k32", "e4m3.e4m3")
LATHE_MMA(e4m3_e5m2, "k32", "e4m3.e5m2")
LATHE_MMA(e5m2_e4m3, "k32", "e5m2.e4m3")
LATHE_MMA(e5m2_e5m2, "k32", "e5m2.e5m2")
// A small integer in the low bits of a float whose unit in the last place is 1.
template <int N> INLINE void small_bf16(u16* to, const i32* from) {
  u32 both = (u32)*from | 0x43004300u, one = 0x3f803f80u, less = pair_bf16(N - 128, N - 128);
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(*(u32*)to) : "r"(both), "r"(one), "r"(less));
}
template <int N> INLINE void small_f16(u16* to, const i32* from) {
  u32 both = (u32)*from | 0x64006400u, less = pair_f16(N - 1024, N - 1024);
  asm("add.rn.f16x2 %0, %1, %2;" : "=r"(*(u32*)to) : "r"(both), "r"(less));
}

// Where kernels overlap, this one may have been started before the one before
// has ended; nothing of its results is touched before this returns. The next
// one may then be started.
DEVICE void after_predecessor() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}
#endif
)";

const char kDeviceFormats[] = R"(
#ifndef LATHE_EMULATED
template <> DEVICE u32 encode_bf16<f32, u32>(f32 x) {
  u16 b;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(b) : "f"(x));
  return b;
}
template <> DEVICE u32 encode_f16<f32, u32>(f32 x) {
  u16 b;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(b) : "f"(x));
  return b;
}
template <> DEVICE f32 decode_f16<f32, u32>(u32 b) {
  f32 x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"((u16)b));
  return x;
}
#if __CUDA_ARCH__ >= 890
template <> DEVICE u32 encode_e4m3<f32, u32>(f32 x) {
  u16 b;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(b) : "f"(0.0f), "f"(x));
  return b & 0xffu;
}
template <> DEVICE f32 decode_e4m3<f32, u32>(u32 b) {
  u32 both;
  asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(both) : "h"((u16)b));
  return decode_f16<f32, u32>(both & 0xffffu);
}
#endif
// Four of them, exactly.
INLINE u32 two_e4m3_f16(const u8* from) {
#if __CUDA_ARCH__ >= 890
  u32 both;
  asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(both) : "h"(*(const u16*)from));
  return both;
#else
  return pair_f16(decode_e4m3<f32, u32>(from[0]), decode_e4m3<f32, u32>(from[1]));
#endif
}
INLINE void widen_e4m3_f16(u16* to, const u8* from) {
  for (int i = 0; i < 4; i += 2) *(u32*)(to + i) = two_e4m3_f16(from + i);
}
INLINE void widen_e4m3_bf16(u16* to, const u8* from) {
  for (int i = 0; i < 4; i += 2) {
    u32 both = two_e4m3_f16(from + i);
    *(u32*)(to + i) = pair_bf16(decode_f16<f32, u32>(both & 0xffffu), decode_f16<f32, u32>(both >> 16));
  }
}
#endif
)";

const char kDeviceFunctions[] = R"(
#ifdef LATHE_EMULATED
#define LATHE_MMA(name) \
  INLINE void mma_##name(f32* sum, const i32* a, const i32* b) { \
    emulate_mma(sum, a, b, [](u16 x) { return load_##name(&x); }); \
  } \
  INLINE u32 pair_##name(f32 low, f32 high) { \
    return encode_##name<f32, u32>(low) | encode_##name<f32, u32>(high) << 16; \
  } \
  template <int N> INLINE void small_##name(u16* to, const i32* from) { \
    for (int i = 0; i < 2; ++i) to[i] = bits_##name((f32)((u32)*from >> 16 * i & 0xffffu) + N); \
  } \
  INLINE void widen_e4m3_##name(u16* to, const u8* from) { \
    for (int i = 0; i < 4; ++i) to[i] = bits_##name(load_e4m3(from + i)); \
  }
LATHE_MMA(bf16)
LATHE_MMA(f16)
#define LATHE_MMA8(left, right) \
  INLINE void mma_##left##_##right(f32* sum, const i32* a, const i32* b) { \
    emulate_mma8(sum, a, b, [](u8 x) { return load_##left(&x); }, [](u8 x) { return load_##right(&x); }); \
  }
LATHE_MMA8(e4m3, e4m3)
LATHE_MMA8(e4m3, e5m2)
LATHE_MMA8(e5m2, e4m3)
LATHE_MMA8(e5m2, e5m2)
#endif

// exp(x) = 2^(x log2 e); what the rounding of that product leaves comes after.
INLINE void quick_exp(f32* x) {
  f32 t = *x * 1.44269504f;
  f32 rest = __builtin_fmaf(*x, 1.44269504f, -t) + *x * 1.92596299e-8f;
  f32 e = power_of_two(t);
  *x = t < -150.0f ? 0.0f : e + e * (rest * 0.693147181f);
}

// 8 numbers of a thread as 4 words of two; and what such a rounding has left.
#define LATHE_PACK(name) \
  INLINE void pack_##name(i32* to, const f32* from) { \
    for (int i = 0; i < 4; ++i) to[i] = (i32)pair_##name(from[2 * i], from[2 * i + 1]); \
  } \
  INLINE void pack_rest_##name(i32* to, const f32* from) { \
    for (int i = 0; i < 4; ++i) { \
      f32 low = from[2 * i], high = from[2 * i + 1]; \
      u32 both = pair_##name(low, high); \
      to[i] = (i32)pair_##name(low - decode_##name<f32, u32>(both & 0xffffu), \
                               high - decode_##name<f32, u32>(both >> 16)); \
    } \
  }
LATHE_PACK(bf16)
LATHE_PACK(f16)

// Sum, product, minimum or maximum of a lane and of the lanes before it.
template <int OP, class T> INLINE T joined(T a, T b) {
  if constexpr (OP == 0) return a + b;
  else if constexpr (OP == 1) return a * b;
  else if constexpr (OP == 2) return min_(a, b);
  else return max_(a, b);
}
template <int OP, class T> INLINE void prefix(T* before, T* x) {
  int lane = thread_index() % 32;
  for (int lanes = 1; lanes < 32; lanes *= 2) {
    T other = shuffle_up(*x, lanes);
    if (lane >= lanes) *x = joined<OP>(other, *x);
  }
  T other = shuffle_up(*x, 1);
  if (lane > 0) *before = other;
}

// Items of W threads each: the first one of a thread, the way to its next, and
// the thread's number in it.
template <int W> INLINE i64 first_item() {
  return ((i64)block_index() * block_threads() + thread_index()) / W;
}
template <int W> INLINE i64 item_step() {
  return (i64)block_count() * (block_threads() / W);
}
template <int W> INLINE i64 worker_number() { return thread_index() % W; }
// Shared memory of `bytes` for each item that a block works on.
template <int W> INLINE u8* shared_of_item(int from, int bytes) {
  return shared_memory() + from + thread_index() / W * bytes;
}

// What the workers of an item combine: a number, or one with its position.
template <class T> struct One {
  T value;
  DEVICE One shuffled(int mask) const { return {shuffle_xor(value, mask)}; }
};
template <class T> struct Placed {
  T value;
  i64 position;
  DEVICE Placed shuffled(int mask) const {
    return {shuffle_xor(value, mask), shuffle_xor(position, mask)};
  }
};

// The combination of x over the W workers of an item, or W neighbours in a
// warp, the same in all. What warps hand each other stands in the first 512
// bytes of shared memory.
template <int W, class T, class F> INLINE T combine(T x, F f) {
  constexpr int lanes = W < 32 ? W : 32;
  for (int mask = lanes / 2; mask > 0; mask >>= 1) x = f(x, x.shuffled(mask));
  if constexpr (W > 32) {
    T* parts = (T*)shared_memory();
    barrier<W>();
    if (thread_index() % 32 == 0) parts[thread_index() / 32] = x;
    barrier<W>();
    x = parts[0];
    for (int warp = 1; warp < W / 32; ++warp) x = f(x, parts[warp]);
  }
  return x;
}
template <int W, class T> INLINE T all_sum(T x) {
  return combine<W>(One<T>{x}, [](One<T> a, One<T> b) { return One<T>{a.value + b.value}; }).value;
}
template <int W, class T> INLINE T all_prod(T x) {
  return combine<W>(One<T>{x}, [](One<T> a, One<T> b) { return One<T>{a.value * b.value}; }).value;
}
template <int W, class T> INLINE T all_min(T x) {
  return combine<W>(One<T>{x}, [](One<T> a, One<T> b) { return One<T>{min_(a.value, b.value)}; }).value;
}
template <int W, class T> INLINE T all_max(T x) {
  return combine<W>(One<T>{x}, [](One<T> a, One<T> b) { return One<T>{max_(a.value, b.value)}; }).value;
}
// The first extreme; NaN is more extreme than any number.
template <class T> INLINE bool not_number(T x) { return x != x; }
template <int W, bool largest, class T> INLINE void all_arg(T& best, i64& position) {
  Placed<T> all = combine<W>(Placed<T>{best, position}, [](Placed<T> a, Placed<T> b) {
    bool an = not_number(a.value), bn = not_number(b.value);
    bool same = (an & bn) | (a.value == b.value);
    bool better = largest ? b.value > a.value : b.value < a.value;
    better = an | bn ? bn & !an : better;
    return (same ? b.position < a.position : better) ? b : a;
  });
  best = all.value;
  position = all.position;
}
template <int W, class T> INLINE void all_argmin(T& best, i64& position) { all_arg<W, false>(best, position); }
template <int W, class T> INLINE void all_argmax(T& best, i64& position) { all_arg<W, true>(best, position); }

// A data-dependent index: from the end when negative, else a fault and 0. Of
// several faults the one at the smallest position stays; while one is being
// written, `site` is -2.
INLINE i64 checked(const Args& a, i64 index, i64 extent, i64 site, i64 position) {
  i64 i = index < 0 ? index + extent : index;
  if ((u64)i < (u64)extent) return i;
  volatile Fault* fault = a.fault;
  for (;;) {
    i64 old = fault->site;
    if (old == -2 || !claim(&a.fault->site, old, -2)) continue;
    bool first = old == -1 || position < fault->position;
    if (first) {
      fault->value = index;
      fault->extent = extent;
      fault->position = position;
    }
    publish();
    fault->site = first ? site : old;
    return 0;
  }
}
)";

}  // namespace lathe::cuda
