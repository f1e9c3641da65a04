#pragma once
// Whether two values of fields make the same layer. Unlike `==` of the
// language it tells a text from a number and looks into layers that are not
// made yet.

#include <cstddef>

#include "interpreter/datum.h"

namespace lathe {

// True if whatever is elaborated from one is also elaborated from the other.
// A layer is the same only as itself. False where that cannot be known: for
// unknown values, and for configs that differ from layer to layer.
bool same_datum(const Datum& a, const Datum& b);

// Equal for data that are the same.
size_t hash_of(const Datum& datum);

// Mixes `value` into a hash.
size_t combined_hash(size_t hash, size_t value);

}  // namespace lathe
