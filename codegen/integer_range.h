#pragma once
// The smallest and largest value that an integer expression can take: how many
// bits its numbers need. Codes of quantised weights show it by their masks.

#include <optional>

#include "codegen/simplify.h"

namespace lathe {

struct IntegerRange {
  int64_t low = 0, high = 0;
};

// Nothing when no bound is known, or one beyond 2^40. `ranges` knows the index
// variables. Requires: expr is an integer.
std::optional<IntegerRange> range_of(const Expr& expr, const Ranges& ranges);

// Whether a float is clamped to what 32 bits can hold, as codes are; it may be
// NaN all the same.
bool fits_int32(const Expr& expr);

// Bits of a signed field that holds high - low + 1 different numbers.
int bits_of(const IntegerRange& range);

}  // namespace lathe
