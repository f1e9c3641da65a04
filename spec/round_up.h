#pragma once
// Sizes in whole units.

#include <cstdint>

namespace lathe {

// The least multiple of `unit` that is at least `size`. Requires: size >= 0.
constexpr int64_t round_up(int64_t size, int64_t unit) {
  return (size + unit - 1) / unit * unit;
}

}  // namespace lathe
