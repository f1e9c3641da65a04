#pragma once
// Reproducible random numbers: the i-th number of a stream is a function of
// seed, name and i alone, so neither order nor threads matter, and only of
// operations that IEEE 754 defines to the bit, so machines do not either.
//
// bits(i) = mix(key + (i + 1) * 0x9e3779b97f4a7c15), where `mix` is the
// finaliser of SplitMix64 and key = mix(seed ^ fnv1a64(name)).

#include <cstdint>
#include <span>
#include <string_view>

#include "interpreter/tensor.h"

namespace lathe {

class RandomStream {
 public:
  RandomStream(int64_t seed, std::string_view name);

  uint64_t bits(uint64_t i) const;
  // In [0, 1): the upper 53 bits of bits(i).
  double uniform(uint64_t i) const;
  // normal_of() the lower half of bits(i / 2) for an even i, of the upper half
  // for an odd one.
  float normal(uint64_t i) const;
  // normal(first), normal(first + 1), ... at a nanosecond or two each.
  void normals(uint64_t first, std::span<float> out) const;

 private:
  uint64_t key_;
};

// Standard normal for uniform bits: the upper one is the sign, the others an
// integer v that stands for the probability p = (v + 1/2) / 2^32 of a value
// further out. The inverse of the distribution function, within 2e-6; values
// go up to 6.34.
float normal_of(uint32_t bits);

// What `random:SEED` gives an input called `name`: floats are standard normal,
// bools even odds, integers 0 to 9 (what the model allows is not known; ids
// of small numbers exist in every vocabulary).
Tensor random_tensor(DType dtype, std::vector<int64_t> shape, int64_t seed,
                     std::string_view name);

// Fills a tensor of floats with mean + deviation * normal(i), rounded once, on
// the threads of the process.
void fill_normal(Tensor& out, const RandomStream& stream, double mean,
                 double deviation);

}  // namespace lathe
