#pragma once
// Many rows times a panel of stored codes, in pairs of bfloat16.

#include "codegen/stream_tile.h"

namespace lathe {

// The sums of all rows of a block with panel p. What a group of k shares
// multiplies the sums of its codes, so that these stay exact: groups take
// turns, each expanded to the local block of `right`. `code_at` gives the tile
// that begins at a row, of which k and what becomes of the sums are replaced;
// `sums` is where it stores them.
Stmt tiles_of_stored_pairs(
    const MatmulContext& context, const MatmulLeft& left,
    const MatmulRight& right, const StreamTile& stream,
    const TileLocals& locals, int sums,
    const std::function<TileCode(const Expr& first_row)>& code_at);

}  // namespace lathe
