#pragma once
// Which keys no query of a block sees: what a causal or window select in the
// score says, found in the expression, whoever wrote it.

#include <optional>

#include "codegen/simplify.h"

namespace lathe {

// score(m, s) = hidden for all s > last(m) and for all s < first(m), and
// neither falls as m grows. At least one is there.
struct KeyLimits {
  std::optional<Expr> first, last;  // over m, among others
  double hidden = 0;
};

// The limits that selects at the root of `score` set, if they hide keys with a
// number so low that exp(hidden - x) is 0 for every x that is not as low.
std::optional<KeyLimits> find_key_limits(const Expr& score, const Var& m,
                                         const Var& s, const Ranges& ranges);

}  // namespace lathe
