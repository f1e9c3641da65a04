#pragma once
// `x[...]`: items of lists, and slices of tensors, which are ops.

#include <array>
#include <vector>

#include "interpreter/elaborator.h"

namespace lathe {

// One item between the brackets. Unset bounds are none.
struct IndexItem {
  enum class Kind : uint8_t { kIndex, kSlice, kNewAxis, kEllipsis };
  Kind kind = Kind::kIndex;
  std::array<Datum, 3> bounds = {None{}, None{}, None{}};
  SourceSpan span;
};

// `base[items]`. L0336 for what has no items, L0337 beyond the end.
Datum index_datum(Elaborator& elaborator, const Datum& base,
                  const std::vector<IndexItem>& items, const SourceSpan& span);

}  // namespace lathe
