#pragma once
// Recognises sums of products: value[axes] = sum over k of lhs * rhs.

#include <optional>
#include <vector>

#include "interpreter/definition.h"

namespace lathe {

struct Contraction {
  std::vector<ReduceAxis> reduce;
  // The two factors; each depends on every reduce axis and holds at least one
  // load. Factors that do not depend on the reduce axes are in `scale` (empty
  // when there is none).
  Expr lhs, rhs, scale;
  // Positions of the stage's axes by which factor depends on them.
  std::vector<int> batch;  // both
  std::vector<int> rows;   // only lhs
  std::vector<int> cols;   // only rhs
};

// The form of a stage, or nothing. Of the two factors, lhs is the one that
// depends on the earlier axes.
std::optional<Contraction> match_contraction(const Stage& stage);
std::optional<Contraction> match_contraction(const Expr& body,
                                             const std::vector<Var>& axes);

}  // namespace lathe
