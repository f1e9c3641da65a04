#pragma once
// Integer algebra of index expressions. Index arithmetic that ops state
// plainly (reshape: flatten, then split) collapses here, so that a view of a
// stored buffer costs nothing: (c / h) * h + c % h becomes c.

#include <map>
#include <optional>
#include <vector>

#include "interpreter/definition.h"
#include "interpreter/expr.h"

namespace lathe {

// What is known of index variables: 0 <= v < extent.
class Ranges {
 public:
  void add(const Var& v, const Dim& extent);
  void add(const std::vector<Var>& axes, const Shape& shape);
  // The extent of `v`, or null when nothing is known.
  const Dim* extent(const VarInfo* v) const;

 private:
  std::map<const VarInfo*, Dim> extents_;
};

// An equal expression with integer parts in canonical form and everything
// that is decided by the ranges folded. Reduce axes inside `expr` are known
// by their extents.
Expr simplify(const Expr& expr, const Ranges& ranges);

// Row-major flat index of an element of `shape`, simplified.
Expr flat_index(const std::vector<Expr>& index, const Shape& shape,
                const Ranges& ranges);

// True when lo <= expr < hi holds for all values of the variables, as far as
// the canonical form shows.
bool provably_in_range(const Expr& expr, const Dim& lo, const Dim& hi,
                       const Ranges& ranges);

// True when `number` divides the integer `expr`, as far as that shows.
bool is_multiple(const Expr& expr, int64_t number, const Ranges& ranges);

// Whether the index takes every element of `shape` as its variables take all
// their values: it is a mixed-radix number of them, in any order of digits.
bool visits_all(const std::vector<Expr>& index, const Shape& shape,
                const Ranges& ranges);

// Index of the form base + stride * v with base free of v; nothing otherwise.
struct Affine {
  Expr base;
  Dim stride;
};
std::optional<Affine> affine_in(const Expr& index, const Var& v,
                                const Ranges& ranges);

}  // namespace lathe
