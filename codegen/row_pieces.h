#pragma once
// Groups of few, long rows: the maximum of all elements, the mean of a loss, a
// softmax over a million. A row alone would have one core, or one block of a
// GPU; so the loops of each phase are cut into pieces, which are items of their
// own, and what reductions found in these is joined in the order of the pieces:
//
//   CPU   a kernel for the pieces of a phase; one that joins them, and does the
//         phases without loops that follow
//   GPU   one kernel for both: the block that ends last joins
//
// Where pieces end depends on sizes alone, and never on who does them: every
// run gives the same bits, with any number of threads.

#include <optional>

#include "codegen/strategy.h"

namespace lathe {

// Elements of a piece: of a CPU, where it is a multiple of all steps of loops;
// of a GPU, where it is a multiple of this in the longest rows.
inline constexpr int64_t kPiece = 32768, kGpuPiece = 8192;
// The most rows that a GPU cuts.
inline constexpr int64_t kMostGpuRows = 32;

// Nothing where rows are many, or are known to be short, or lie side by side.
// Where their length is known only at run time the kernel for a whole row is
// among those of the group, and is the one that has items where they are short.
// Requires: those of lower_rows().
std::optional<LoweredGroup> lower_in_pieces(const Group& group,
                                            const Target& target);

}  // namespace lathe
