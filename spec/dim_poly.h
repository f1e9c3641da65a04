#pragma once
// The symbolic case of a Dim: a sum of terms, each a coefficient times atoms.
// For code that walks the terms (address simplification); others use Dim.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "spec/dim.h"

namespace lathe {

enum class DimAtomKind : uint8_t { kSymbol, kFloorDiv, kMin, kMax };

// A factor that is not a number. `key` is its text and its identity.
struct DimAtom {
  DimAtomKind kind;
  std::string key;
  Dim a, b;  // operands; unused by a symbol
};

using DimAtomRef = std::shared_ptr<const DimAtom>;

// coefficient * factors[0] * factors[1] ...; a power repeats its factor.
struct DimTerm {
  int64_t coefficient = 0;
  std::vector<DimAtomRef> factors;  // sorted by key; none for the constant
};

// Smallest and largest value, where known.
struct DimRange {
  std::optional<int64_t> low, high;
};

// Invariant: sorted (more factors first, then by keys), no two terms with the
// same factors, no zero coefficients, at least one term with factors.
struct DimPoly {
  std::vector<DimTerm> terms;

  // The terms of any dim; one for a number, none for 0.
  static std::vector<DimTerm> terms_of(const Dim& dim);

  // The dim with these terms, in any order and with repetitions.
  static Dim make(std::vector<DimTerm> terms);

  // The dim that is one atom.
  static Dim make(DimAtomRef atom);
};

// The order of terms: negative, 0 or positive as `a` comes before, with or
// after `b`. Coefficients do not count.
int compare_factors(const DimTerm& a, const DimTerm& b);

// The coefficient of the term without factors.
int64_t constant_of(const std::vector<DimTerm>& terms);

// The text of a dim as operand of a division, in parentheses where needed.
std::string dim_operand_text(const Dim& operand);

// Range of values, symbols being at least 0.
DimRange range_of(const Dim& dim);

// Sums and products that throw DimError beyond int64.
int64_t checked_add(int64_t a, int64_t b);
int64_t checked_mul(int64_t a, int64_t b);

// Python's // on numbers; throws DimError for b = 0 and on overflow.
int64_t floordiv_numbers(int64_t a, int64_t b);

}  // namespace lathe
