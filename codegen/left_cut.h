#pragma once
// The left side of a product as codes of eight bits and what neighbours share:
//
//   left[m, k] = factor[m, k / group] * code[m, k]
//
// so that its products with codes of the right side are integers.

#include <optional>

#include "codegen/matmul_form.h"

namespace lathe {

struct LeftCut {
  Expr code;    // an integer from -128 to 127, over form.b, form.m and form.k
  Expr factor;  // float32, over the same; empty: 1
  // Neighbouring k that share the factor; 0: all.
  int64_t group = 0;
};

// The cut of form.left, or nothing when it has another form. Requires: the
// depth of the form is static.
std::optional<LeftCut> cut_left(const MatmulForm& form, const Group& group);

}  // namespace lathe
