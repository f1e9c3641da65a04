#pragma once
// Loops for row groups (and, point by point, for contractions): the row plan
// spelled out. Shared by the generic strategy, which stays scalar, and the row
// strategy, which uses vectors where a reduction needs them.

#include "codegen/strategy.h"

namespace lathe {

enum class Vectors : uint8_t { kNo, kYes };

// Requires: all stages of `group` are Computes and rows_fit(group, row_axes).
LoweredGroup lower_rows(const Group& group, const Target& target,
                        Vectors vectors);

// The same for a GPU. Vectors: elementwise work in packs, a row on as many
// threads as its length is worth; else one thread an element or row.
LoweredGroup lower_gpu_rows(const Group& group, const Target& target,
                            Vectors vectors);

// The first of the row axes that lie together in memory where the elements of a
// row do not; -1: there is none.
int column_axis(const Group& group);

// How many leading axes of an elementwise group become work items; the rest
// is one loop in which every load has a constant stride. 0: the group is cut
// into blocks.
int item_axes_of_map(const Group& group);

// Estimated nanoseconds of one core for `elements` evaluations of `body`.
Dim cost_of(const Expr& body, const Dim& elements);

}  // namespace lathe
