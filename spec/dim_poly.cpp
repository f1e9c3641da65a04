#include "spec/dim_poly.h"

#include <algorithm>
#include <limits>

#include "spec/check.h"

namespace lathe {
namespace {

[[noreturn]] void overflow() {
  throw DimError("a size leaves the range of 64-bit integers");
}

// The terms with equal factors merged; sorted, no zeros.
std::vector<DimTerm> normalized(std::vector<DimTerm> terms) {
  std::sort(terms.begin(), terms.end(), [](const DimTerm& a, const DimTerm& b) {
    return compare_factors(a, b) < 0;
  });
  std::vector<DimTerm> out;
  for (DimTerm& term : terms) {
    if (!out.empty() && compare_factors(out.back(), term) == 0) {
      out.back().coefficient =
          checked_add(out.back().coefficient, term.coefficient);
    } else {
      out.push_back(std::move(term));
    }
  }
  std::erase_if(out, [](const DimTerm& t) { return t.coefficient == 0; });
  return out;
}

DimAtomRef make_atom(DimAtomKind kind, const Dim& a, const Dim& b) {
  auto atom = std::make_shared<DimAtom>();
  atom->kind = kind;
  atom->a = a;
  atom->b = b;
  if (kind == DimAtomKind::kFloorDiv) {
    atom->key = cat({dim_operand_text(a), " // ", dim_operand_text(b)});
  } else {
    atom->key = cat({kind == DimAtomKind::kMin ? "min(" : "max(", a.to_string(),
                     ", ", b.to_string(), ")"});
  }
  return atom;
}

int64_t gcd(int64_t a, int64_t b) {
  while (b != 0) {
    int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a < 0 ? -a : a;
}

// If `term` is q * `divisor` for a monomial q, gives q.
std::optional<DimTerm> divide_term(const DimTerm& term,
                                   const DimTerm& divisor) {
  if (divisor.coefficient == -1 &&
      term.coefficient == std::numeric_limits<int64_t>::min()) {
    return std::nullopt;
  }
  if (term.coefficient % divisor.coefficient != 0) return std::nullopt;
  DimTerm out;
  out.coefficient = term.coefficient / divisor.coefficient;
  size_t i = 0;
  for (const DimAtomRef& factor : divisor.factors) {
    while (i < term.factors.size() && term.factors[i]->key < factor->key) {
      out.factors.push_back(term.factors[i++]);
    }
    if (i == term.factors.size() || term.factors[i]->key != factor->key) {
      return std::nullopt;
    }
    ++i;
  }
  out.factors.insert(out.factors.end(),
                     term.factors.begin() + static_cast<ptrdiff_t>(i),
                     term.factors.end());
  return out;
}

// a // c with every coefficient split into quotient and rest: c*q + r goes out
// as q, only r stays below the division. Requires: c > 1.
Dim floordiv_by_number(const Dim& a, int64_t c) {
  std::vector<DimTerm> whole, rest;
  int64_t common = c;
  for (const DimTerm& term : a.poly()->terms) {
    int64_t quotient = floordiv_numbers(term.coefficient, c);
    int64_t left = term.coefficient - quotient * c;
    if (quotient != 0) whole.push_back({quotient, term.factors});
    if (left != 0) rest.push_back({left, term.factors});
    if (!term.factors.empty()) common = gcd(common, left);
  }
  Dim out = DimPoly::make(std::move(whole));
  // (g*x + r) // (g*d) = (x + r // g) // d
  for (DimTerm& term : rest) {
    term.coefficient = floordiv_numbers(term.coefficient, common);
  }
  Dim inner = DimPoly::make(std::move(rest));
  c /= common;
  if (c == 1) return out + inner;
  if (inner.is_static()) return out + floordiv_numbers(inner.value(), c);
  DimRange range = range_of(inner);
  if (range.low && range.high &&
      floordiv_numbers(*range.low, c) == floordiv_numbers(*range.high, c)) {
    return out + floordiv_numbers(*range.low, c);
  }
  // (x // n + r) // c = (x + n*r) // (n*c)
  const std::vector<DimTerm>& terms = inner.poly()->terms;
  const DimTerm& first = terms.front();
  if (first.coefficient == 1 && first.factors.size() == 1 &&
      first.factors[0]->kind == DimAtomKind::kFloorDiv &&
      (terms.size() == 1 || (terms.size() == 2 && terms[1].factors.empty()))) {
    const DimAtom& nested = *first.factors[0];
    if (nested.b.is_static() && nested.b.value() > 0) {
      return out +
             floordiv(nested.a + nested.b * constant_of(terms), nested.b * c);
    }
  }
  return out + DimPoly::make(make_atom(DimAtomKind::kFloorDiv, inner, c));
}

// a // b by polynomial division: a = q*b + r gives q + r // b.
Dim floordiv_by_symbolic(const Dim& a, const Dim& b) {
  constexpr int kMostSteps = 100;
  const DimTerm& lead = b.poly()->terms.front();
  Dim quotient, rest = a, undivided;
  for (int step = 0; step < kMostSteps && rest != 0; ++step) {
    DimTerm top = DimPoly::terms_of(rest).front();
    if (auto part = divide_term(top, lead)) {
      Dim factor = DimPoly::make(std::vector<DimTerm>{*part});
      quotient += factor;
      rest -= factor * b;
    } else {
      Dim term = DimPoly::make(std::vector<DimTerm>{top});
      undivided += term;
      rest -= term;
    }
  }
  rest += undivided;
  if (rest == 0) return quotient;
  if (provably_at_least(rest, 0) && provably_less(rest, b)) return quotient;
  return quotient + DimPoly::make(make_atom(DimAtomKind::kFloorDiv, rest, b));
}

Dim extremum(DimAtomKind kind, const Dim& a, const Dim& b) {
  if (b < a) return extremum(kind, b, a);
  return DimPoly::make(make_atom(kind, a, b));
}

}  // namespace

int64_t checked_add(int64_t a, int64_t b) {
  int64_t out = 0;
  if (__builtin_add_overflow(a, b, &out)) overflow();
  return out;
}

int64_t checked_mul(int64_t a, int64_t b) {
  int64_t out = 0;
  if (__builtin_mul_overflow(a, b, &out)) overflow();
  return out;
}

int64_t floordiv_numbers(int64_t a, int64_t b) {
  if (b == 0) throw DimError("a size is divided by 0");
  if (b == -1) return checked_mul(a, -1);
  int64_t quotient = a / b;
  bool rounds_up = a % b != 0 && (a < 0) != (b < 0);
  return rounds_up ? quotient - 1 : quotient;
}

int compare_factors(const DimTerm& a, const DimTerm& b) {
  if (a.factors.size() != b.factors.size()) {
    return a.factors.size() > b.factors.size() ? -1 : 1;
  }
  for (size_t i = 0; i < a.factors.size(); ++i) {
    if (a.factors[i] == b.factors[i]) continue;
    int order = a.factors[i]->key.compare(b.factors[i]->key);
    if (order != 0) return order;
  }
  return 0;
}

int64_t constant_of(const std::vector<DimTerm>& terms) {
  if (terms.empty() || !terms.back().factors.empty()) return 0;
  return terms.back().coefficient;
}

std::vector<DimTerm> DimPoly::terms_of(const Dim& dim) {
  if (!dim.is_static()) return dim.poly()->terms;
  if (dim.value() == 0) return {};
  return {DimTerm{dim.value(), {}}};
}

Dim DimPoly::make(std::vector<DimTerm> terms) {
  terms = normalized(std::move(terms));
  Dim out;
  if (terms.empty()) return out;
  if (terms.size() == 1 && terms[0].factors.empty()) {
    return Dim(terms[0].coefficient);
  }
  auto poly = std::make_shared<DimPoly>();
  poly->terms = std::move(terms);
  out.poly_ = std::move(poly);
  return out;
}

Dim DimPoly::make(DimAtomRef atom) {
  return make(std::vector<DimTerm>{{1, {std::move(atom)}}});
}

Dim floordiv(const Dim& a, const Dim& b) {
  if (b == 0) throw DimError("a size is divided by 0");
  if (a.is_static() && b.is_static()) {
    return floordiv_numbers(a.value(), b.value());
  }
  if (a == 0) return 0;
  if (!b.is_static()) return floordiv_by_symbolic(a, b);
  if (b == 1) return a;
  if (b.value() < 0) return floordiv(-a, -b);
  return floordiv_by_number(a, b.value());
}

Dim mod(const Dim& a, const Dim& b) { return a - b * floordiv(a, b); }

Dim ceildiv(const Dim& a, const Dim& b) { return floordiv(a + b - 1, b); }

Dim min(const Dim& a, const Dim& b) {
  if (provably_at_least(b, a)) return a;
  if (provably_at_least(a, b)) return b;
  return extremum(DimAtomKind::kMin, a, b);
}

Dim max(const Dim& a, const Dim& b) {
  if (provably_at_least(b, a)) return b;
  if (provably_at_least(a, b)) return a;
  return extremum(DimAtomKind::kMax, a, b);
}

bool provably_equal(const Dim& a, const Dim& b) { return a == b; }

bool provably_different(const Dim& a, const Dim& b) {
  if (a.is_static() && b.is_static()) return a.value() != b.value();
  Dim difference = a - b;
  if (difference.is_static()) return difference.value() != 0;
  DimRange range = range_of(difference);
  if ((range.low && *range.low > 0) || (range.high && *range.high < 0)) {
    return true;
  }
  // 2*B + 1 is never 0: the constant is no multiple of the common divisor.
  const std::vector<DimTerm>& terms = difference.poly()->terms;
  int64_t common = 0;
  for (const DimTerm& term : terms) {
    if (!term.factors.empty()) common = gcd(common, term.coefficient);
  }
  return common > 0 && constant_of(terms) % common != 0;
}

bool provably_at_least(const Dim& a, const Dim& b) {
  if (a.is_static() && b.is_static()) return a.value() >= b.value();
  std::optional<int64_t> low = (a - b).lower_bound();
  return low && *low >= 0;
}

bool provably_less(const Dim& a, const Dim& b) {
  if (a.is_static() && b.is_static()) return a.value() < b.value();
  std::optional<int64_t> low = (b - a).lower_bound();
  return low && *low > 0;
}

}  // namespace lathe
