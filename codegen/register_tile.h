#pragma once
// The inner kernel of every matrix product: a tile of accumulators, rows by
// vectors of columns, held in registers while k runs.
//
//   C[i, j] (+)= sum over k of left(i, k) * right(k, j)
//
// Each step of k loads one row of `right` as vectors and multiplies it by one
// scalar of `left` per tile row.

#include <functional>
#include <vector>

#include "codegen/loop_ir.h"
#include "codegen/target.h"

namespace lathe {

// Tile shapes of a target for accumulators of `dtype` (float32 or float64).
struct TileShape {
  DType dtype = DType::kFloat32;
  int lanes = 1;
  int vectors = 1;  // per row
  int rows = 1;     // of the largest tile

  int columns() const { return lanes * vectors; }
};
TileShape tile_shape(const Target& target, DType dtype);

// Tile heights for products of any number of rows, descending: the largest,
// one for remainders, and a single row. Fewer heights compile faster; a height
// between two of them runs as the next larger one, about as fast: below eight
// accumulators a step is bound by the latency of the multiply-add.
std::vector<int> tile_heights(const TileShape& shape);

// Local arrays that all tiles of a kernel share.
struct TileLocals {
  int acc = -1;      // rows * vectors vectors
  int right = -1;    // one row of right
  int offsets = -1;  // an int64 per row
};

struct TileCode {
  TileShape shape;
  TileLocals locals;
  // Where row i of left begins; evaluated once per tile.
  std::function<Expr(const Expr& row)> offset;
  std::function<Expr(const Expr& offset, const Expr& k)> left;
  // A vector: columns [column, column + lanes) of row k.
  std::function<Expr(const Expr& k, const Expr& column)> right;
  // Where a step of k is more than a multiply-add, instead of left and right:
  // adds its products to element `cell` of the accumulators.
  std::function<Stmt(const Expr& cell, const Expr& offset, const Expr& k,
                     const Expr& column)>
      multiply;
  // Anything to do once per k, such as a prefetch; may be empty.
  std::function<Stmt(const Expr& k)> step;
  int step_rows = 1;  // tiles of fewer rows leave it out
  Expr k_count;
  int64_t k_multiple = 1;  // of which k_count is known to be a multiple
  // C, a float array: slot, and the index of an element of the tile.
  int out = -1;
  std::function<Expr(const Expr& row, const Expr& column)> out_index;
  // Whether C already holds a partial sum to go on from.
  Expr resume;
  // Where more than the sums is stored to C: what is, at a row and a column.
  std::function<Expr(const Expr& row, const Expr& column, const Expr& sum)>
      close;
};

// Computes the first `rows` rows of the tile.
Stmt register_tile(const TileCode& code, int rows);

// Runs tiles of the given heights over `row_count` rows. `code_at` gives the
// tile that begins at a row; all rows of C up to the next multiple of the
// largest height may be written.
Stmt tile_rows(const std::vector<int>& heights, const Expr& row_count,
               const std::function<TileCode(const Expr& first_row)>& code_at);

}  // namespace lathe
