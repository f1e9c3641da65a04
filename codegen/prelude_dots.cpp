// Products of bytes: codes without a sign by numbers with one.

#include "codegen/prelude_text.h"

namespace lathe {

// All of a word in one instruction, else in sums of two products of 16 bits.
// Each compiler has its own spelling.
const char kPreludeDotAvx2[] = R"(
#if defined(__AVXVNNI__) || (defined(__AVX512VNNI__) && defined(__AVX512VL__))
#define DOT_WORD
#ifdef __clang__
#define DPBUSD __builtin_ia32_vpdpbusd256
#else
#define DPBUSD __builtin_ia32_vpdpbusd_v8si
#endif
INLINE i32v dot_word(i32v sum, i32v codes, i32v left) { return DPBUSD(sum, codes, left); }
#elif defined(__AVX2__)
#define PAIR_SUMS
typedef i16 i16v __attribute__((vector_size(32)));
typedef char i8v __attribute__((vector_size(32)));
INLINE i16v pair_sums(i32v codes, i32v left) {
  return __builtin_ia32_pmaddubsw256((i8v)codes, (i8v)left);
}
INLINE i32v join_pairs(i16v sums, i16 by) {
  return __builtin_ia32_pmaddwd256(sums, by + i16v{});
}
#endif
)";

const char kPreludeDotAvx512[] = R"(
#ifdef __AVX512VNNI__
#define DOT_WORD
#ifdef __clang__
#define DPBUSD __builtin_ia32_vpdpbusd512
#else
#define DPBUSD __builtin_ia32_vpdpbusd_v16si
#endif
INLINE i32v dot_word(i32v sum, i32v codes, i32v left) { return DPBUSD(sum, codes, left); }
#elif defined(__AVX512BW__)
#define PAIR_SUMS
typedef i16 i16v __attribute__((vector_size(64)));
typedef char i8v __attribute__((vector_size(64)));
#ifdef __clang__
INLINE i16v pair_sums(i32v codes, i32v left) {
  return __builtin_ia32_pmaddubsw512((i8v)codes, (i8v)left);
}
INLINE i32v join_pairs(i16v sums, i16 by) {
  return __builtin_ia32_pmaddwd512(sums, by + i16v{});
}
#else
INLINE i16v pair_sums(i32v codes, i32v left) {
  return __builtin_ia32_pmaddubsw512_mask((i8v)codes, (i8v)left, i16v{}, ~0u);
}
INLINE i32v join_pairs(i16v sums, i16 by) {
  return __builtin_ia32_pmaddwd512_mask(sums, by + i16v{}, i32v{}, 0xffff);
}
#endif
#endif
)";

// Both sides have a sign: codes of eight bits are taken in halves.
const char kPreludeDotNeon[] = R"(
#ifdef __ARM_FEATURE_DOTPROD
#define SIGNED_WORD
INLINE i32v signed_word(i32v sum, i32v codes, i32v left) {
  asm("sdot %0.4s, %1.16b, %2.16b" : "+w"(sum) : "w"(codes), "w"(left));
  return sum;
}
#endif
)";

// Pairs are added up as long as 16 bits hold them, so that no sum saturates.
const char kPreludeDots[] = R"(
INLINE i32v four_of(const i8* left) {
  i32 word; __builtin_memcpy(&word, left, sizeof word);
  return word + i32v{};
}
template <int BITS, int N> INLINE void dot_words(i32v* sum, const i8* left, const i32v* codes) {
  i32v all = *sum;
#if defined(DOT_WORD)
#pragma GCC unroll 8
  for (int w = 0; w < N; ++w) all = dot_word(all, codes[w], four_of(left + 4 * w));
#elif defined(PAIR_SUMS)
  constexpr int half = BITS > 6 ? 4 : BITS, room = 32767 / (256 * ((1 << half) - 1));
#pragma GCC unroll 8
  for (int begin = 0; begin < N; begin += room) {
    i16v low = {}, high = {};
#pragma GCC unroll 8
    for (int w = begin; w < N && w < begin + room; ++w) {
      i32v x = four_of(left + 4 * w);
      low += pair_sums(BITS == half ? codes[w] : codes[w] & 0x0f0f0f0f, x);
      if (BITS != half) high += pair_sums(codes[w] >> 4 & 0x0f0f0f0f, x);
    }
    all += join_pairs(low, 1);
    if (BITS != half) all += join_pairs(high, 16);
  }
#elif defined(SIGNED_WORD)
  i32v high = {};
#pragma GCC unroll 8
  for (int w = 0; w < N; ++w) {
    i32v x = four_of(left + 4 * w);
    all = signed_word(all, BITS > 6 ? codes[w] & 0x0f0f0f0f : codes[w], x);
    if (BITS > 6) high = signed_word(high, codes[w] >> 4 & 0x0f0f0f0f, x);
  }
  all += high << 4;
#else
  for (int w = 0; w < N; ++w) {
    for (int b = 0; b < 4; ++b) all += (codes[w] >> (8 * b) & 255) * (i32)left[4 * w + b];
  }
#endif
  *sum = all;
}
#define DOT_BITS(bits) \
  template <int N> INLINE void dot_##bits##_bits(i32v* sum, const i8* left, const i32v* codes) { \
    dot_words<bits, N>(sum, left, codes); \
  }
DOT_BITS(4)
DOT_BITS(6)
DOT_BITS(8)
)";

}  // namespace lathe
