#pragma once
// Writing the blocks of GGUF's types: where numbers, planes of bits and
// rounded values go. What layers/block_decode.cpp reads, the other way round.

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "spec/dtype.h"

namespace lathe {

class BlockWriter {
 public:
  // Requires: the block is all zeros, since bits are added to it.
  explicit BlockWriter(uint8_t* block) : block_(block) {}

  // A float16; returns the value it has.
  float half(int place, float value) {
    const uint16_t bits = float16_bits(static_cast<double>(value));
    block_[place] = static_cast<uint8_t>(bits);
    block_[place + 1] = static_cast<uint8_t>(bits >> 8);
    return float16_value(bits);
  }

  // A float16 that is not below `value` in size by more than its last digit:
  // small ones have few digits, and codes cannot make up for a unit that is
  // rounded down.
  float half_unit(int place, float value) {
    const uint16_t bits = float16_bits(static_cast<double>(value));
    const bool short_of =
        std::fabs(float16_value(bits)) < std::fabs(value) * 0.999f;
    return half(place, short_of
                           ? float16_value(static_cast<uint16_t>(bits + 1))
                           : value);
  }

  void byte(int place, int value) {
    block_[place] = static_cast<uint8_t>(value);
  }
  void add(int place, int bits) {
    block_[place] = static_cast<uint8_t>(block_[place] | bits);
  }

  // Fields that lie in planes: `span` values stand in neighbouring bytes from
  // `first` on, the next `span` values are the next `width` bits of the same
  // bytes, until the bytes are full. Value `at` gets the low bits of `code`.
  void plane(int first, int span, int width, int at, int code) {
    const int held = span * (8 / width);
    add(first + at / held * span + at % span,
        (code & ((1 << width) - 1)) << (at % held / span * width));
  }

 private:
  uint8_t* block_;
};

// x * y rounded to float32, also where a compiler could join the product with
// what follows: bytes must not depend on it.
inline float rounded_product(float x, float y) {
  return static_cast<float>(static_cast<double>(x) * static_cast<double>(y));
}

}  // namespace lathe
