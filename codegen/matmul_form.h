#pragma once
// A contraction group seen as matrix products: flat rows m, columns n and depth
// k, whatever axes the stages have.

#include <optional>
#include <vector>

#include "codegen/contraction.h"
#include "codegen/group.h"
#include "codegen/rewrite.h"

namespace lathe {

// One sum of products: value(b, m, n) = scale * sum over k of left * right.
struct MatmulPart {
  int stage = -1;
  // The stage's axes in terms of b, m and n.
  Substitution axes;
  Expr right;  // over b, k and n
  Expr scale;  // over the stage's axes, or empty
};

// Parts whose results meet in the same maps, so that they must be computed side
// by side: gate and up of a gated MLP.
struct MatmulSection {
  std::vector<int> parts;
  std::vector<int> stages;  // of these parts and their maps, ascending
  Dim columns;
};

// All parts share `left`, which is over b, m and k.
struct MatmulForm {
  Var b, m, n, k;
  Dim batch, rows, depth;
  NumType type = NumType::kFloat32;
  Expr left;
  std::vector<MatmulPart> parts;
  std::vector<MatmulSection> sections;
  // Every right side is known at load and free of symbols.
  bool right_at_load = false;
};

// The group's form, or nothing when it has another one.
std::optional<MatmulForm> match_matmul(const Group& group);

}  // namespace lathe
