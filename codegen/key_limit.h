#pragma once
// From which key on no query of a block sees anything: what a causal select in
// the score says, found in the expression, whoever wrote it.

#include <optional>

#include "codegen/simplify.h"

namespace lathe {

// score(m, s) = hidden for all s > last(m), and last never falls as m grows.
struct KeyLimit {
  Expr last;  // over m, among others
  double hidden = 0;
};

// The limit that a select at the root of `score` sets, if it hides keys with a
// number so low that exp(hidden - x) is 0 for every x that is not as low.
std::optional<KeyLimit> find_key_limit(const Expr& score, const Var& m,
                                       const Var& s, const Ranges& ranges);

}  // namespace lathe
