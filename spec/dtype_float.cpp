// Floats of 8 and 16 bits: rounding from float64 to nearest even, and back.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "spec/dtype.h"
#include "spec/float_format.h"

namespace lathe {
namespace {

// Magnitude bits of a finite or infinite `value`, rounded to nearest even as
// if the exponent were unbounded above; the caller deals with overflow.
uint32_t round_magnitude(double value, FloatFormat format) {
  constexpr int kDoubleMantissa = 52;
  uint64_t bits = std::bit_cast<uint64_t>(value) & ~(uint64_t{1} << 63);
  int exponent = static_cast<int>(bits >> kDoubleMantissa) - 1023;
  uint64_t mantissa = (bits & ((uint64_t{1} << kDoubleMantissa) - 1)) |
                      (uint64_t{1} << kDoubleMantissa);
  int smallest = 1 - format.bias();
  int shift = kDoubleMantissa - format.mantissa_bits;
  uint32_t base = 0;
  if (exponent >= smallest) {
    // The leading one of the mantissa adds the last 1 to the exponent.
    base = static_cast<uint32_t>(exponent - smallest) << format.mantissa_bits;
  } else {
    shift += smallest - exponent;  // subnormal
  }
  if (shift > kDoubleMantissa + 1) return 0;  // below half the smallest
  uint64_t half = uint64_t{1} << (shift - 1);
  uint64_t odd = (mantissa >> shift) & 1;
  return base + static_cast<uint32_t>((mantissa + half - 1 + odd) >> shift);
}

uint32_t sign_bit(double value, int position) {
  return std::signbit(value) ? uint32_t{1} << position : 0;
}

// Encodes into a format with infinities, IEEE style.
uint32_t encode_ieee(double value, FloatFormat format) {
  uint32_t infinity = ((uint32_t{1} << format.exponent_bits) - 1)
                      << format.mantissa_bits;
  uint32_t sign = sign_bit(value, format.exponent_bits + format.mantissa_bits);
  if (std::isnan(value)) {
    return sign | infinity | (uint32_t{1} << (format.mantissa_bits - 1));
  }
  return sign | std::min(round_magnitude(value, format), infinity);
}

}  // namespace

uint16_t float16_bits(double value) {
  return static_cast<uint16_t>(encode_ieee(value, kHalf));
}

uint16_t bfloat16_bits(double value) {
  return static_cast<uint16_t>(encode_ieee(value, kBrain));
}

uint8_t float8_e4m3fn_bits(double value) {
  constexpr uint32_t kLargest = 0x7E;
  uint32_t sign = sign_bit(value, 7);
  if (std::isnan(value)) return static_cast<uint8_t>(sign | 0x7F);
  return static_cast<uint8_t>(
      sign | std::min(round_magnitude(value, kE4M3), kLargest));
}

uint8_t float8_e5m2_bits(double value) {
  return static_cast<uint8_t>(encode_ieee(value, kE5M2));
}

float float16_value(uint16_t bits) {
  uint32_t sign = static_cast<uint32_t>(bits >> 15) << 31;
  uint32_t exponent = (bits >> 10) & 31;
  uint32_t mantissa = bits & 1023;
  if (exponent == 0) {
    float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  uint32_t wide = exponent == 31 ? 255 : exponent + (127 - 15);
  return std::bit_cast<float>(sign | wide << 23 | mantissa << 13);
}

float bfloat16_value(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

float float8_e4m3fn_value(uint8_t bits) {
  uint32_t exponent = (bits >> 3) & 15;
  uint32_t mantissa = bits & 7;
  float magnitude;
  if ((bits & 0x7F) == 0x7F) {
    magnitude = std::numeric_limits<float>::quiet_NaN();
  } else if (exponent == 0) {
    magnitude = static_cast<float>(mantissa) * 0x1p-9f;
  } else {
    magnitude =
        std::bit_cast<float>((exponent + (127 - 7)) << 23 | mantissa << 20);
  }
  return (bits & 0x80) != 0 ? -magnitude : magnitude;
}

// The upper half of a float16.
float float8_e5m2_value(uint8_t bits) {
  return float16_value(static_cast<uint16_t>(bits << 8));
}

}  // namespace lathe
