#pragma once
// The words for a data-dependent index that is out of range (L0801): the same
// from the reference and from kernels, so they stand here once.

#include <cstdint>
#include <string>

#include "interpreter/definition.h"

namespace lathe {

// Whether the indices that a definition checks are places that it writes to.
bool writes_at_indices(const Definition& definition);

// "`gather` reads index 7 of an axis of size 3, at position 1 of its output".
// `position` counts the elements that the op computes, or those of its
// updates.
std::string index_fault_text(const std::string& op, bool writes, int64_t index,
                             int64_t extent, int64_t position);

}  // namespace lathe
