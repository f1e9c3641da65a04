#pragma once
// The narrow floats: how many bits exponent and mantissa have, and whether the
// largest exponent is for infinity or, but for NaN, for numbers too.

namespace lathe {

struct FloatFormat {
  int exponent_bits;
  int mantissa_bits;
  bool has_infinity = true;
  constexpr int bias() const { return (1 << (exponent_bits - 1)) - 1; }
};

inline constexpr FloatFormat kHalf = {5, 10};
inline constexpr FloatFormat kBrain = {8, 7};
inline constexpr FloatFormat kE4M3 = {4, 3, false};
inline constexpr FloatFormat kE5M2 = {5, 2};

}  // namespace lathe
