#pragma once
// Loops for stages whose elements depend on each other in order: scans,
// updates and sorts. One stage a group.

#include <functional>

#include "codegen/strategy.h"

namespace lathe {

// Requires: group.kind is kSequential.
LoweredGroup lower_sequential(const Group& group);

// Whether a key of a sort comes before another: NaN is the largest.
Expr key_less(const Expr& a, const Expr& b);

}  // namespace lathe
