// Types, conversions between storage and numbers, and integers.

#include "codegen/prelude_text.h"

namespace lathe {

const char kPreludeScalars[] = R"(
typedef signed char i8;
typedef unsigned char u8;
typedef short i16;
typedef unsigned short u16;
typedef int i32;
typedef unsigned u32;
typedef long i64;
typedef unsigned long u64;
typedef float f32;
typedef double f64;
struct Fault { i64 site, value, extent, position; };
)";

const char kPreludeTypes[] =
    R"(struct Args { void* const* buf; const i64* dim; Fault* fault; };
#define INLINE static inline __attribute__((always_inline))
)";

const char kPreludeWiden[] = R"(
template <class V> INLINE u32v widen(V x) { return __builtin_convertvector(x, u32v); }
template <class V> INLINE i32v widen_signed(V x) { return __builtin_convertvector(x, i32v); }
INLINE i16h widen_half(i8q x) { return __builtin_convertvector(x, i16h); }
)";

// g++ converts in halves, or lane by lane, unless told the instruction.
const char kPreludeWidenAvx2[] = R"(
#if defined(__AVX2__) && !defined(__clang__)
typedef i16 i16w __attribute__((vector_size(16)));
typedef char i8w __attribute__((vector_size(16)));
typedef i64 i64w __attribute__((vector_size(16)));
INLINE u32v widen(u16h x) { return (u32v)__builtin_ia32_pmovzxwd256((i16w)x); }
INLINE u32v widen(u8q x) {
  i64w whole = {__builtin_bit_cast(i64, x), 0};
  return (u32v)__builtin_ia32_pmovzxbd256((i8w)whole);
}
INLINE i32v widen_signed(i16h x) { return (i32v)__builtin_ia32_pmovsxwd256((i16w)x); }
INLINE i32v widen_signed(i8q x) {
  i64w whole = {__builtin_bit_cast(i64, x), 0};
  return (i32v)__builtin_ia32_pmovsxbd256((i8w)whole);
}
INLINE i16h widen_half(i8q x) {
  i64w whole = {__builtin_bit_cast(i64, x), 0};
  return (i16h)__builtin_ia32_pmovsxbw128((i8w)whole);
}
#else
template <class V> INLINE u32v widen(V x) { return __builtin_convertvector(x, u32v); }
template <class V> INLINE i32v widen_signed(V x) { return __builtin_convertvector(x, i32v); }
INLINE i16h widen_half(i8q x) { return __builtin_convertvector(x, i16h); }
#endif
#ifdef __F16C__
#define HALVES
INLINE f32v from_halves(i16h x) { return __builtin_ia32_vcvtph2ps256(x); }
#endif
)";

const char kPreludeWidenAvx512[] = R"(
#if defined(__AVX512F__) && !defined(__clang__)
typedef i16 i16w __attribute__((vector_size(32)));
typedef char i8w __attribute__((vector_size(16)));
INLINE u32v widen(u16h x) {
  return (u32v)__builtin_ia32_pmovzxwd512_mask((i16w)x, i32v{}, 0xffff);
}
INLINE u32v widen(u8q x) {
  return (u32v)__builtin_ia32_pmovzxbd512_mask((i8w)x, i32v{}, 0xffff);
}
INLINE i32v widen_signed(i16h x) {
  return (i32v)__builtin_ia32_pmovsxwd512_mask((i16w)x, i32v{}, 0xffff);
}
INLINE i32v widen_signed(i8q x) {
  return (i32v)__builtin_ia32_pmovsxbd512_mask((i8w)x, i32v{}, 0xffff);
}
INLINE i16h widen_half(i8q x) { return (i16h)__builtin_ia32_pmovsxbw256((i8w)x); }
#else
template <class V> INLINE u32v widen(V x) { return __builtin_convertvector(x, u32v); }
template <class V> INLINE i32v widen_signed(V x) { return __builtin_convertvector(x, i32v); }
INLINE i16h widen_half(i8q x) { return __builtin_convertvector(x, i16h); }
#endif
#ifdef __AVX512F__
#define HALVES
INLINE f32v from_halves(i16h x) {
  return __builtin_ia32_vcvtph2ps512_mask(x, f32v{}, 0xffff, 4);
}
#endif
)";

const char kPreludeFormats[] = R"(
// The integers behind a float type, and one element of a vector.
template <class T> struct Of;
template <> struct Of<f32> { typedef i32 Int; typedef u32 Bits; typedef f32 One; };
template <> struct Of<f64> { typedef i64 Int; typedef u64 Bits; typedef f64 One; };
template <class T> INLINE typename Of<T>::Int bits(T x) {
  return __builtin_bit_cast(typename Of<T>::Int, x);
}
template <class T> INLINE T from_bits(typename Of<T>::Int x) {
  return __builtin_bit_cast(T, x);
}
template <class T> INLINE T splat(typename Of<T>::One x) { return x - T{}; }
template <class T> constexpr bool is_vector = sizeof(T) != sizeof(typename Of<T>::One);
template <class T> constexpr bool is_single = sizeof(typename Of<T>::One) == 4;
template <class T, class F> INLINE T each_lane(T x, F f) {
  T out = x;
  for (unsigned l = 0; l < sizeof(T) / sizeof(typename Of<T>::One); ++l) out[l] = f(x[l]);
  return out;
}
template <class T, class F> INLINE T each_lane(T x, T y, F f) {
  T out = x;
  for (unsigned l = 0; l < sizeof(T) / sizeof(typename Of<T>::One); ++l) out[l] = f(x[l], y[l]);
  return out;
}

// Narrow floats. U is u32 or a vector of it, F the float of the same shape.
template <class F, class U> INLINE F float_of(U b) { return __builtin_bit_cast(F, b); }
template <class F, class U> INLINE F decode_bf16(U b) { return float_of<F>((U)(b << 16)); }
template <class F, class U> INLINE F decode_f16(U b) {
  U magnitude = (b & 0x7fffu) << 13;
  F x = float_of<F>(magnitude) * 0x1p112f;
  U y = __builtin_bit_cast(U, x);
  y = (b & 0x7c00u) == 0x7c00u ? (magnitude | 0x7f800000u) : y;
  return float_of<F>((U)(y | ((b & 0x8000u) << 16)));
}
template <class F, class U> INLINE F decode_e5m2(U b) { return decode_f16<F>((U)(b << 8)); }
template <class F, class U> INLINE F decode_e4m3(U b) {
  U magnitude = b & 0x7fu;
  F x = float_of<F>((U)(magnitude << 20)) * 0x1p120f;
  U y = __builtin_bit_cast(U, x);
  y = magnitude == 0x7fu ? U{} + 0x7fc00000u : y;
  return float_of<F>((U)(y | ((b & 0x80u) << 24)));
}
template <class F, class U> INLINE U encode_bf16(F x) {
  U b = __builtin_bit_cast(U, x);
  U rounded = (b + 0x7fffu + ((b >> 16) & 1u)) >> 16;
  return (b & 0x7fffffffu) > 0x7f800000u ? ((b >> 16) | 0x40u) : rounded;
}
template <class F, class U> INLINE U encode_f16(F x) {
  U b = __builtin_bit_cast(U, x), m = b & 0x7fffffffu;
  U normal = (m + 0xc8000fffu + ((m >> 13) & 1u)) >> 13;
  U small = __builtin_bit_cast(U, (F)(float_of<F>(m) + 0.5f)) - 0x3f000000u;
  U large = m > 0x7f800000u ? U{} + 0x7e00u : U{} + 0x7c00u;
  U out = m < 0x38800000u ? small : normal;
  out = m >= 0x47800000u ? large : out;
  return out | ((b >> 16) & 0x8000u);
}
template <class F, class U> INLINE U encode_e4m3(F x) {
  U b = __builtin_bit_cast(U, x), m = b & 0x7fffffffu;
  U c = m > 0x43e00000u ? U{} + 0x43e00000u : m;
  U normal = ((c + 0x7ffffu + ((c >> 20) & 1u)) >> 20) - (120u << 3);
  U small = __builtin_bit_cast(U, (F)(float_of<F>(c) + 16384.0f)) - 0x46800000u;
  U out = c < 0x3c800000u ? small : normal;
  out = m > 0x7f800000u ? U{} + 0x7fu : out;
  return out | ((b >> 24) & 0x80u);
}
template <class F, class U> INLINE U encode_e5m2(F x) {
  U b = __builtin_bit_cast(U, x), m = b & 0x7fffffffu;
  U normal = ((m + 0xfffffu + ((m >> 21) & 1u)) >> 21) - (112u << 2);
  U small = __builtin_bit_cast(U, (F)(float_of<F>(m) + 128.0f)) - 0x43000000u;
  U out = m < 0x38800000u ? small : normal;
  out = m >= 0x47700000u ? U{} + 0x7cu : out;
  out = m > 0x7f800000u ? U{} + 0x7eu : out;
  return out | ((b >> 24) & 0x80u);
}
// A double rounded to odd, so that rounding it once more is right.
INLINE f32 to_odd(f64 x) {
  f32 y = (f32)x;
  i32 b = __builtin_bit_cast(i32, y);
  b -= (y - x) * x > 0 ? 1 : 0;
  return (f64)y != x && x == x && x - x == 0 ? __builtin_bit_cast(f32, b | 1) : y;
}
INLINE f32 narrow(f32 x) { return x; }
INLINE f32 narrow(f64 x) { return to_odd(x); }
)";

const char kPreludeElements[] = R"(
// Elements by storage type: `S` as stored, `load` to the computing type.
#define NARROW_FLOAT(name, S) \
  INLINE f32 load_##name(const S* p) { return decode_##name<f32, u32>(*p); } \
  template <class T> INLINE S bits_##name(T x) { return (S)encode_##name<f32, u32>(narrow(x)); } \
  template <class T> INLINE void store_##name(S* p, T x) { *p = bits_##name(x); } \
  INLINE f32 round_##name(f32 x) { return decode_##name<f32, u32>(encode_##name<f32, u32>(x)); } \
  INLINE f32 round_##name(f64 x) { return round_##name(to_odd(x)); }
NARROW_FLOAT(bf16, u16)
NARROW_FLOAT(f16, u16)
NARROW_FLOAT(e4m3, u8)
NARROW_FLOAT(e5m2, u8)
INLINE f32 float16_bits(i64 b) { return decode_f16<f32, u32>((u32)b & 0xffffu); }
INLINE f32 float32_bits(i64 b) { return float_of<f32>((u32)b); }
)";

const char kPreludeVectors[] = R"(
template <> struct Of<f32v> { typedef i32v Int; typedef u32v Bits; typedef f32 One; };
template <> struct Of<f64v> { typedef i64v Int; typedef u64v Bits; typedef f64 One; };
template <> struct Of<i32v> { typedef i32 One; };
#define NARROW_LOAD(name, S, V) \
  INLINE f32v loadv_##name(const S* p) { \
    V raw; __builtin_memcpy(&raw, p, sizeof raw); \
    return decode_##name<f32v, u32v>(widen(raw)); \
  }
#define NARROW_VECTOR(name, S, V) \
  INLINE f32v round_##name(f32v x) { return decode_##name<f32v, u32v>(encode_##name<f32v, u32v>(x)); } \
  INLINE void storev_##name(S* p, f32v x) { \
    V raw = __builtin_convertvector((encode_##name<f32v, u32v>(x)), V); \
    __builtin_memcpy(p, &raw, sizeof raw); \
  }
NARROW_VECTOR(bf16, u16, u16h)
NARROW_VECTOR(f16, u16, u16h)
NARROW_VECTOR(e4m3, u8, u8q)
NARROW_VECTOR(e5m2, u8, u8q)
NARROW_LOAD(bf16, u16, u16h)
#ifdef HALVES
// Float8 with five bits of exponent is the upper half of a float16; with four
// it is one shifted by a bit, and 2^8 times as large. Its NaN would be 480.
INLINE f32v loadv_f16(const u16* p) {
  i16h x; __builtin_memcpy(&x, p, sizeof x);
  return from_halves(x);
}
INLINE f32v loadv_e5m2(const u8* p) {
  i8q x; __builtin_memcpy(&x, p, sizeof x);
  return from_halves(widen_half(x) << 8);
}
INLINE f32v loadv_e4m3(const u8* p) {
  i8q x; __builtin_memcpy(&x, p, sizeof x);
  i16h half = (widen_half(x) << 7) & (i16)0xbfff;
  half |= (half & 0x7fff) == 0x3f80;
  return from_halves(half) * 0x1p8f;
}
#else
NARROW_LOAD(f16, u16, u16h)
NARROW_LOAD(e4m3, u8, u8q)
NARROW_LOAD(e5m2, u8, u8q)
#endif
INLINE f32v loadv_f32(const f32* p) { f32v x; __builtin_memcpy(&x, p, sizeof x); return x; }
INLINE void storev_f32(f32* p, f32v x) { __builtin_memcpy(p, &x, sizeof x); }
// Narrow integers, and codes that lie in words.
INLINE i32v loadv_u8(const u8* p) {
  u8q x; __builtin_memcpy(&x, p, sizeof x);
  return (i32v)widen(x);
}
INLINE i32v loadv_i8(const i8* p) {
  i8q x; __builtin_memcpy(&x, p, sizeof x);
  return widen_signed(x);
}
INLINE i32v loadv_i16(const i16* p) {
  i16h x; __builtin_memcpy(&x, p, sizeof x);
  return widen_signed(x);
}
INLINE i32v loadv_i32(const i32* p) { i32v x; __builtin_memcpy(&x, p, sizeof x); return x; }
INLINE void storev_i32(i32* p, i32v x) { __builtin_memcpy(p, &x, sizeof x); }
INLINE i32v shift_left(i32v a, i32v b) { return a << b; }
INLINE i32v shift_left(i32v a, i64 b) { return a << (i32)b; }
INLINE i32v shift_right(i32v a, i32v b) { return a >> b; }
INLINE i32v shift_right(i32v a, i64 b) { return a >> (i32)b; }
INLINE f32v float32_bits(i32v b) { return float_of<f32v>(b); }
INLINE f32v to_float(i32v x) { return __builtin_convertvector(x, f32v); }
INLINE f64v loadv_f64(const f64* p) { f64v x; __builtin_memcpy(&x, p, sizeof x); return x; }
INLINE void storev_f64(f64* p, f64v x) { __builtin_memcpy(p, &x, sizeof x); }
)";

const char kPreludeWidenE4m3[] = R"(
// Four float8 of each word become two words of bfloat16.
INLINE void widen_e4m3_bf16(i32v* pairs, const u8* codes) {
  u32v words; __builtin_memcpy(&words, codes, sizeof words);
  for (u32 half = 0; half < 2; ++half) {
    u32v low = __builtin_bit_cast(u32v, (decode_e4m3<f32v, u32v>(words >> (16 * half) & 0xffu)));
    u32v high = __builtin_bit_cast(u32v, (decode_e4m3<f32v, u32v>(words >> (16 * half + 8) & 0xffu)));
    pairs[half] = (i32v)((low >> 16) | (high & 0xffff0000u));
  }
}
)";

// Looks up both bytes of a bfloat16 by the seven lower bits of the code, and
// puts them side by side.
const char kPreludeWidenE4m3ByTable[] = R"(
typedef u8 u8v __attribute__((vector_size(64)));
#ifdef __clang__
INLINE u8v look_up(u8v a, u8v b, u8v at) {
  return (u8v)__builtin_ia32_vpermi2varqi512(
      (char __attribute__((vector_size(64))))a, (char __attribute__((vector_size(64))))at,
      (char __attribute__((vector_size(64))))b);
}
#else
INLINE u8v look_up(u8v a, u8v b, u8v at) { return __builtin_shuffle(a, b, at); }
#endif
struct E4m3Pairs {
  alignas(64) u8 low[128] = {}, high[128] = {}, order[64] = {};
  constexpr E4m3Pairs() {
    for (int c = 0; c < 128; ++c) {
      int exponent = c >> 3, mantissa = c & 7;
      int bits = (exponent + 120) << 7 | mantissa << 4;
      if (exponent == 0) {
        int top = mantissa >= 4 ? 2 : mantissa >= 2 ? 1 : 0;
        bits = mantissa == 0 ? 0 : (118 + top) << 7 | (mantissa << (7 - top) & 127);
      }
      if (c == 127) bits = 0x7fc0;
      low[c] = (u8)bits;
      high[c] = (u8)(bits >> 8);
    }
    for (int i = 0; i < 64; ++i) order[i] = (u8)(i / 4 * 4 + i / 2 % 2 + i % 2 * 64);
  }
};
static constexpr E4m3Pairs e4m3_pairs;
INLINE u8v load_bytes(const u8* p) { u8v x; __builtin_memcpy(&x, p, sizeof x); return x; }
INLINE void widen_e4m3_bf16(i32v* pairs, const u8* p) {
  u8v codes = load_bytes(p);
  u8v low = look_up(load_bytes(e4m3_pairs.low), load_bytes(e4m3_pairs.low + 64), codes);
  u8v high = look_up(load_bytes(e4m3_pairs.high), load_bytes(e4m3_pairs.high + 64), codes);
  high |= codes & (u8)0x80;
  u8v order = load_bytes(e4m3_pairs.order);
  pairs[0] = (i32v)look_up(low, high, order);
  pairs[1] = (i32v)look_up(low, high, order + (u8)2);
}
)";

// Each compiler has its own spelling of the instruction.
const char kPreludeDotBf16[] = R"(
#ifdef __AVX512BF16__
#if defined(__clang__)
#define DOT_BF16 __builtin_ia32_dpbf16ps_512
#else
#define DOT_BF16 __builtin_ia32_dpbf16ps_v16sf
#endif
#if defined(__clang__) ? __clang_major__ >= 16 : __GNUC__ >= 13
typedef __bf16 bf16v __attribute__((vector_size(64)));
#elif defined(__clang__)
typedef i32v bf16v;
#else
typedef i16 bf16v __attribute__((vector_size(64)));
#endif
INLINE void dot_bf16(f32v* sum, const u16* left, const void* right) {
  i32 pair; __builtin_memcpy(&pair, left, sizeof pair);
  i32v pairs; __builtin_memcpy(&pairs, right, sizeof pairs);
  *sum = DOT_BF16(*sum, (bf16v)(pair + i32v{}), (bf16v)pairs);
}
#else
INLINE void dot_bf16(f32v* sum, const u16* left, const void* right) {
  u32v b; __builtin_memcpy(&b, right, sizeof b);
  *sum += load_bf16(left) * float_of<f32v>(b << 16);
  *sum += load_bf16(left + 1) * float_of<f32v>(b & 0xffff0000u);
}
#endif
)";

const char kPreludeIntegers[] = R"(
// Integers wrap at 64 bits; a division by 0 gives 0. By a constant above 0 none has
// a branch on a CPU, to leave loops; on a GPU too much would wait in registers.
INLINE i64 floor_div(i64 a, i64 b) {
  if (b == 0) return 0;
#ifndef __CUDACC__
  if (b > 0) return a / b + (a % b >> 63);
#endif
  if (b == -1) return (i64)(0 - (u64)a);
  i64 q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}
INLINE i64 floor_mod(i64 a, i64 b) {
  if (b == 0 || b == -1) return 0;
#ifndef __CUDACC__
  if (b > 0) return a % b + (a % b >> 63 & b);
#endif
  i64 r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
INLINE i64 pow_int(i64 base, i64 exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  u64 out = 1, factor = (u64)base;
  for (; exponent; exponent >>= 1) {
    if (exponent & 1) out *= factor;
    factor *= factor;
  }
  return (i64)out;
}
INLINE i64 shift_left(i64 a, i64 b) { return b < 0 || b > 63 ? 0 : (i64)((u64)a << b); }
INLINE i64 shift_right(i64 a, i64 b) { return a >> (b < 0 || b > 63 ? 63 : b); }
INLINE i64 to_int(f64 x) {
  return x >= -0x1p63 && x < 0x1p63 ? (i64)x : (i64)((u64)1 << 63);
}
)";

const char kPreludeChecked[] = R"(
// A data-dependent index: from the end when negative, else a fault and 0.
INLINE i64 checked(const Args* a, i64 index, i64 extent, i64 site, i64 position) {
  i64 i = index < 0 ? index + extent : index;
  if (__builtin_expect((u64)i < (u64)extent, 1)) return i;
  i64 none = -1;
  if (__atomic_compare_exchange_n(&a->fault->site, &none, site, 0,
                                  __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    a->fault->value = index;
    a->fault->extent = extent;
    a->fault->position = position;
  }
  return 0;
}
)";

}  // namespace lathe
