#pragma once
// How an expression follows the depth k of a matrix product: not at all, by
// whole groups, by a table of row numbers, or one value for each k.

#include "codegen/matmul_form.h"
#include "codegen/simplify.h"

namespace lathe {

struct RowOfDepth {
  // With the number of a row in place of k.
  Expr value;
  // The row of k is k / group; 0: there is one row only. Where `gather` is
  // set, it is the row of k instead.
  int64_t group = 1;
  Expr gather;
  int64_t rows = 1;
};

// Neighbouring k that must share a factor for it to be worth a loop.
inline constexpr int64_t kLeastGroup = 8;

// Groups of less than `least` count as one value for each k. Requires: the
// depth of the form is static.
RowOfDepth row_of_depth(const Expr& expr, const MatmulForm& form,
                        const Group& group, const Var& row, int64_t least,
                        const Ranges& ranges);

}  // namespace lathe
