#pragma once
// Reproducible random numbers: the i-th number of a stream is a function of
// seed, name and i alone, so neither order nor threads matter.
//
// bits(i) = mix(key + (i + 1) * 0x9e3779b97f4a7c15), where `mix` is the
// finaliser of SplitMix64 and key = mix(seed ^ fnv1a64(name)).

#include <cstdint>
#include <string_view>

#include "interpreter/tensor.h"

namespace lathe {

class RandomStream {
 public:
  RandomStream(int64_t seed, std::string_view name);

  uint64_t bits(uint64_t i) const;
  // In [0, 1): the upper 53 bits of bits(i).
  double uniform(uint64_t i) const;
  // Standard normal: Box-Muller on bits(2i) and bits(2i + 1).
  double normal(uint64_t i) const;

 private:
  uint64_t key_;
};

// What `random:SEED` gives an input called `name`: floats are standard normal,
// bools even odds, integers 0 to 9 (what the model allows is not known; ids
// of small numbers exist in every vocabulary).
Tensor random_tensor(DType dtype, std::vector<int64_t> shape, int64_t seed,
                     std::string_view name);

}  // namespace lathe
