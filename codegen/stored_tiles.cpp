#include "codegen/stored_tiles.h"

namespace lathe {

Stmt tiles_of_stored_pairs(
    const MatmulContext& context, const MatmulLeft& left,
    const MatmulRight& right, const StreamTile& stream,
    const TileLocals& locals, int sums,
    const std::function<TileCode(const Expr& first_row)>& code_at) {
  const MatmulPlace& at = context.at;
  const StoredRight& stored = *right.stored();
  Var g = make_var("g"), first = make_var("first"), count = make_var("count");
  auto multiply = [&, first](const Expr& cell, const Expr& offset,
                             const Expr& k, const Expr& column) {
    return intrinsic(
        IntrinsicOp::kDotBf16,
        {{locals.acc, cell},
         left.pair(offset, var(first) / 2 + k),
         {right.local_block(), k * context.panels.width + column}});
  };
  auto tile_at = [&](const Expr& first_row) {
    TileCode code = code_at(first_row);
    code.k_count = var(count) / 2;
    code.k_multiple = stored.unit() / 2;
    code.multiply = multiply;
    code.resume = literal(false);
    auto place = code.out_index;
    code.close = [&, first_row, place](const Expr& row, const Expr& column,
                                       const Expr& sum) {
      Expr value = stream.left().closed(sum, first_row + row, var(g),
                                        var(first), column);
      Expr old = vector_load(sums, context.tile.dtype, place(row, column),
                             context.tile.lanes);
      Expr start = stored.added(column);
      if (!start.get()) start = float_literal(0, context.form.type);
      Expr resume = var(at.k0) + var(first) > int_literal(0);
      return value + select(resume, old, start);
    };
    return code;
  };
  Expr length = stream.left().group_length();
  Stmt group =
      block({let(first, var(g) * length),
             let(count, min(length, var(at.depth) - var(first))),
             stored.expand_pairs(right.local_block(), stream.pairs(),
                                 var(first), var(count)),
             tile_rows(tile_heights(context.tile), var(at.rows), tile_at)});
  return for_loop(g, int_literal(0), ceil_div(var(at.depth), length), group);
}

}  // namespace lathe
