#pragma once
// Heads of queries that read the same keys and values (grouped queries), found
// in the index expressions: whatever repeats them says head // share.

#include <vector>

#include "codegen/simplify.h"

namespace lathe {

// How many neighbours along `axis` see the same in all of `operands`; 1 where
// it is not known, or where they do not depend on the axis.
int64_t heads_that_share(const std::vector<Expr>& operands, const Var& axis,
                         const Dim& extent, Ranges ranges);

}  // namespace lathe
