#pragma once
// Integer index expressions as polynomials over atoms, for simplify.cpp.
//
// Coefficients are Dims, so extents may be symbolic. An atom is a variable, a
// division that does not come out, or any other integer expression. x % d is
// held as x - d * (x / d), so that (x / d) * d + x % d cancels by itself; the
// remainder is found again when bounds are taken and when text is rebuilt.

#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "codegen/simplify.h"

namespace lathe {

// Product of atoms by number, sorted; empty for the constant term.
using Monomial = std::vector<int>;

struct Poly {
  std::map<Monomial, Dim> terms;  // no zero coefficients

  Poly() = default;
  explicit Poly(const Dim& constant);
  bool is_constant() const;
  Dim constant() const;
  void add(const Monomial& m, const Dim& coefficient);
};
Poly operator+(const Poly& a, const Poly& b);
Poly operator*(const Poly& a, const Dim& factor);

// Smallest and largest value, where known.
struct Bounds {
  std::optional<Dim> low, high;
};

class IndexAlgebra {
 public:
  explicit IndexAlgebra(const Ranges& ranges) : ranges_(ranges) {}

  // More variables become known (those of a nested reduction).
  void add_range(const Var& v, const Dim& extent) { ranges_.add(v, extent); }

  // `expr` as the atom that it is, with what is known of its values.
  Poly atom(const Expr& expr);
  Poly variable(const Var& v);
  // Products of many terms are refused: they say nothing and take long.
  std::optional<Poly> multiply(const Poly& a, const Poly& b) const;
  // a / d rounded down. Requires: d is positive wherever this is computed.
  Poly floor_div(const Poly& a, const Dim& d);

  Bounds bounds(const Poly& p);
  Expr rebuild(const Poly& p);

 private:
  struct Atom {
    Expr expr;
    Bounds bounds;
    // Divisions only: numerator / denominator.
    Poly numerator;
    std::optional<Dim> denominator;
  };
  // coefficient * (numerator % denominator)
  struct Remainder {
    Dim coefficient;
    Poly numerator;
    Dim denominator;
  };

  int intern(Atom atom);
  Bounds bounds_of_expr(const Expr& expr);
  Bounds bounds_of_poly(const Poly& p);
  // Takes remainders out of `p`.
  std::vector<Remainder> take_remainders(Poly& p);
  Poly division_atom(const Poly& numerator, const Dim& d);
  bool within(const Poly& p, const Dim& extent);

  Ranges ranges_;
  std::vector<Atom> atoms_;
};

// Structural equality; variables are compared by identity.
bool same_expr(const Expr& a, const Expr& b);

}  // namespace lathe
