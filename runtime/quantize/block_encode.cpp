#include "runtime/quantize/block_encode.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "runtime/quantize/block_writer.h"
#include "spec/check.h"

namespace lathe {
namespace {

constexpr int kValues = 32;

float inverse(float d) { return d == 0 ? 0.0f : 1.0f / d; }

// The value drops its fraction, which is not below -1; what is no number (0
// times an infinite inverse) becomes 0.
int code_of(float value, int most) {
  if (!(value >= 0)) return 0;
  return std::min(static_cast<int>(std::min(value, 1000.0f)), most);
}

// The value furthest from 0, the first of equals.
float extreme(const float* x) {
  float out = x[0];
  for (int i = 1; i < kValues; ++i) {
    if (std::fabs(x[i]) > std::fabs(out)) out = x[i];
  }
  return out;
}

// Codes around the middle, so that the extreme value is the lowest code.
void symmetric(const float* x, int middle, int* codes, float& d) {
  d = extreme(x) / static_cast<float>(-middle);
  const float id = inverse(d);
  for (int i = 0; i < kValues; ++i) {
    codes[i] = code_of(rounded_product(x[i], id) +
                           (static_cast<float>(middle) + 0.5f),
                       2 * middle - 1);
  }
}

// Codes from the least value up.
void affine(const float* x, int most, int* codes, float& d, float& least) {
  const auto [low, high] = std::minmax_element(x, x + kValues);
  least = *low;
  d = (*high - *low) / static_cast<float>(most);
  const float id = inverse(d);
  for (int i = 0; i < kValues; ++i) {
    codes[i] = code_of(rounded_product(x[i] - least, id) + 0.5f, most);
  }
}

void put_fifth_bits(const int* codes, int first, BlockWriter& out) {
  for (int i = 0; i < kValues; ++i) {
    out.add(first + i / 8, (codes[i] >> 4) << (i % 8));
  }
}

void encode_q4_0(const float* x, uint8_t* block) {
  BlockWriter out(block);
  int codes[kValues];
  float d;
  symmetric(x, 8, codes, d);
  out.half(0, d);
  for (int i = 0; i < kValues; ++i) out.plane(2, 16, 4, i, codes[i]);
}

void encode_q4_1(const float* x, uint8_t* block) {
  BlockWriter out(block);
  int codes[kValues];
  float d, least;
  affine(x, 15, codes, d, least);
  out.half(0, d);
  out.half(2, least);
  for (int i = 0; i < kValues; ++i) out.plane(4, 16, 4, i, codes[i]);
}

void encode_q5_0(const float* x, uint8_t* block) {
  BlockWriter out(block);
  int codes[kValues];
  float d;
  symmetric(x, 16, codes, d);
  out.half(0, d);
  put_fifth_bits(codes, 2, out);
  for (int i = 0; i < kValues; ++i) out.plane(6, 16, 4, i, codes[i]);
}

void encode_q5_1(const float* x, uint8_t* block) {
  BlockWriter out(block);
  int codes[kValues];
  float d, least;
  affine(x, 31, codes, d, least);
  out.half(0, d);
  out.half(2, least);
  put_fifth_bits(codes, 4, out);
  for (int i = 0; i < kValues; ++i) out.plane(8, 16, 4, i, codes[i]);
}

void encode_q8_0(const float* x, uint8_t* block) {
  BlockWriter out(block);
  const float d = std::fabs(extreme(x)) / 127.0f;
  const float id = inverse(d);
  out.half(0, d);
  for (int i = 0; i < kValues; ++i) {
    // Halves away from 0, as the reference rounds.
    const float code = std::round(rounded_product(x[i], id));
    out.byte(2 + i, std::isfinite(code) ? static_cast<int>(code) : 0);
  }
}

using BlockEncoder = void (*)(const float* values, uint8_t* block);

BlockEncoder encoder_of(DType dtype) {
  if (dtype == DType::kQ4_0) return encode_q4_0;
  if (dtype == DType::kQ4_1) return encode_q4_1;
  if (dtype == DType::kQ5_0) return encode_q5_0;
  if (dtype == DType::kQ5_1) return encode_q5_1;
  if (dtype == DType::kQ8_0) return encode_q8_0;
  if (dtype == DType::kQ2_K) return encode_q2_k;
  if (dtype == DType::kQ3_K) return encode_q3_k;
  if (dtype == DType::kQ4_K) return encode_q4_k;
  if (dtype == DType::kQ5_K) return encode_q5_k;
  LATHE_CHECK(dtype == DType::kQ6_K, "no blocks of ", to_string(dtype));
  return encode_q6_k;
}

}  // namespace

void encode_blocks(DType dtype, const float* values, int64_t count,
                   std::byte* out) {
  const BlockEncoder encode = encoder_of(dtype);
  const int64_t size = info(dtype).values_per_block;
  const int64_t bytes = info(dtype).bytes_per_block;
  LATHE_CHECK(count % size == 0, count, " values of ", to_string(dtype));
  std::memset(out, 0, static_cast<size_t>(count / size * bytes));
  auto* block = reinterpret_cast<uint8_t*>(out);
  for (int64_t i = 0; i < count; i += size, block += bytes) {
    encode(values + i, block);
  }
}

}  // namespace lathe
