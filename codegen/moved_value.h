#pragma once
// Narrow floats that a kernel moves from one place to another.

#include "interpreter/expr.h"

namespace lathe {

// Whether `value` is a number of the narrow float `dtype` as it lies in
// memory: a load, 0, or a choice between such. It is stored by moving its
// bits, with no conversion to float32 and back.
bool only_moves(const Expr& value, DType dtype);

}  // namespace lathe
