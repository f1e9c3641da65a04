#pragma once
// Numbers that are computed from symbolic sizes, such as 1 / sqrt(T). They are
// expressions until the sizes are bound, and take part in tensor expressions
// as weak numbers do.

#include <string_view>
#include <vector>

#include "interpreter/datum.h"
#include "interpreter/op.h"

namespace lathe {

// Whether an arithmetic operator on two numbers has to wait until sizes are
// bound. Sums, products and quotients of sizes are sizes themselves.
bool needs_sizes(std::string_view op, const Datum& a, const Datum& b);

// The number as a float. Requires: datum.number().
Datum as_real(const Datum& datum);

// An elementwise op on numbers of which some depend on sizes. L0336 where the
// result would be a truth: those decide while building. Requires: op.map, and
// as many numbers as it takes.
Datum apply_to_sizes(const OpDef& op, const std::vector<Datum>& numbers,
                     const SourceSpan& span);

}  // namespace lathe
