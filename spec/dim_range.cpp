// Bounds of symbolic sizes: interval arithmetic over terms, with one rule for
// quotients, so that remainders (which have no atom) have their bounds.
#include <algorithm>

#include "spec/dim_poly.h"

namespace lathe {
namespace {

using Bound = std::optional<int64_t>;

Bound add(const Bound& a, const Bound& b) {
  int64_t sum = 0;
  if (!a || !b || __builtin_add_overflow(*a, *b, &sum)) return std::nullopt;
  return sum;
}

Bound multiply(const Bound& a, int64_t b) {
  int64_t product = 0;
  if (!a || __builtin_mul_overflow(*a, b, &product)) return std::nullopt;
  return product;
}

DimRange scale(const DimRange& range, int64_t factor) {
  DimRange out = {multiply(range.low, factor), multiply(range.high, factor)};
  if (factor < 0) std::swap(out.low, out.high);
  return out;
}

DimRange sum(const DimRange& a, const DimRange& b) {
  return {add(a.low, b.low), add(a.high, b.high)};
}

// Of factors that are never negative; others give no bounds.
DimRange product(const DimRange& a, const DimRange& b) {
  if (!a.low || !b.low || *a.low < 0 || *b.low < 0) return {};
  DimRange out;
  out.low = multiply(a.low, *b.low);
  if (!out.low) out.low = 0;
  if (b.high) out.high = multiply(a.high, *b.high);
  return out;
}

Bound divide(const Bound& a, int64_t b) {
  if (!a) return std::nullopt;
  return floordiv_numbers(*a, b);
}

DimRange quotient_range(const DimAtom& atom) {
  DimRange a = range_of(atom.a);
  if (atom.b.is_static()) {
    int64_t divisor = atom.b.value();
    return {divide(a.low, divisor), divide(a.high, divisor)};
  }
  // A divisor is at least 1 wherever the quotient has a value.
  DimRange b = range_of(atom.b);
  if (!a.low || *a.low < 0 || !b.low || *b.low < 0) return {};
  return {0, divide(a.high, std::max<int64_t>(1, *b.low))};
}

DimRange atom_range(const DimAtom& atom) {
  switch (atom.kind) {
    case DimAtomKind::kSymbol:
      return {0, std::nullopt};
    case DimAtomKind::kFloorDiv:
      return quotient_range(atom);
    case DimAtomKind::kMin: {
      DimRange a = range_of(atom.a), b = range_of(atom.b);
      DimRange out;
      if (a.low && b.low) out.low = std::min(*a.low, *b.low);
      out.high = !a.high ? b.high : !b.high ? a.high : std::min(a.high, b.high);
      return out;
    }
    case DimAtomKind::kMax: {
      DimRange a = range_of(atom.a), b = range_of(atom.b);
      DimRange out;
      if (a.high && b.high) out.high = std::max(*a.high, *b.high);
      out.low = !a.low ? b.low : !b.low ? a.low : std::max(a.low, b.low);
      return out;
    }
  }
  return {};
}

DimRange plain_range(const std::vector<DimTerm>& terms) {
  DimRange total = {0, 0};
  for (const DimTerm& term : terms) {
    DimRange range = {1, 1};
    for (const DimAtomRef& atom : term.factors) {
      range = product(range, atom_range(*atom));
    }
    total = sum(total, scale(range, term.coefficient));
  }
  return total;
}

void tighten(DimRange& range, const DimRange& other) {
  if (other.low && (!range.low || *other.low > *range.low)) {
    range.low = other.low;
  }
  if (other.high && (!range.high || *other.high < *range.high)) {
    range.high = other.high;
  }
}

// With a term c * (a // n), and a // n = (a - a % n) / n:
// n * dim = n * others + c * a - c * (a % n), where a % n is in [0, n - 1].
DimRange remainder_range(const Dim& dim, const DimTerm& term) {
  if (term.factors.size() != 1) return {};
  const DimAtom& atom = *term.factors[0];
  if (atom.kind != DimAtomKind::kFloorDiv || !atom.b.is_static()) return {};
  int64_t n = atom.b.value();
  if (n <= 0) return {};
  try {
    Dim others = dim - DimPoly::make(std::vector<DimTerm>{term});
    Dim scaled = others * Dim(n) + atom.a * Dim(term.coefficient);
    DimRange range =
        sum(range_of(scaled), scale({0, n - 1}, -term.coefficient));
    // Rounded inwards: the dim is an integer.
    return {divide(add(range.low, n - 1), n), divide(range.high, n)};
  } catch (const DimError&) {
    return {};  // too large to say anything
  }
}

}  // namespace

DimRange range_of(const Dim& dim) {
  if (dim.is_static()) return {dim.value(), dim.value()};
  const std::vector<DimTerm>& terms = dim.poly()->terms;
  DimRange range = plain_range(terms);
  for (const DimTerm& term : terms) {
    if (range.low && range.high) break;
    tighten(range, remainder_range(dim, term));
  }
  return range;
}

}  // namespace lathe
