#pragma once
// An expression as factor * x + term.

#include <optional>

#include "codegen/rewrite.h"

namespace lathe {

// Either may be empty: a factor of 1, a term of 0.
struct LinearForm {
  Expr factor, term;
};

// The form of a float32 expression in `x`, as equal as products and sums of
// floats are; nothing when it has another one, or does not depend on x.
std::optional<LinearForm> linear_in(const Expr& expr, const Var& x);

}  // namespace lathe
