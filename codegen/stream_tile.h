#pragma once
// A few rows of the left side times a panel that is kept as fields: the storage
// is read once, at the speed of memory, and becomes numbers in registers.
//
//   sum of x * (factor * code + term)
//     = sum over groups of (factor * sum of x * code + term * sum of x)
//
// so that a step of k is a code made a number, and a multiply-add for each row.

#include "codegen/stream_left.h"

namespace lathe {

class StreamTile {
 public:
  StreamTile(MatmulContext& context, const MatmulLeft& left,
             const StoredRight& right)
      : context_(context),
        left_(left),
        right_(right),
        stream_left_(
            context, left, right,
            context.pairs ? static_cast<int>(context.row_block) : rows()) {}

  // Rows up to which this is faster than a block of numbers in memory: as many
  // as a register tile has.
  int rows() const { return context_.tile.rows; }

  // Adds the local arrays. Requires: context.depth_block.
  void add_locals(const TileLocals& locals);

  // Once per kernel.
  Stmt begin() const { return stream_left_.begin(); }
  // Once per block of depth.
  Stmt prepare() const;
  // Adds the product with panel p to the sums in `out`. Rows of it up to the
  // tile's may be written.
  Stmt panel(int out, int64_t out_stride) const;
  // Also for more rows, where these take pairs.
  const StreamLeft& left() const { return stream_left_; }
  int pairs() const { return pairs_; }

 private:
  // Rows at once, and sums of each that are kept apart.
  struct Tile {
    int rows = 1, chains = 1;
  };
  using Cell = std::function<Stmt(const Expr& row, int v)>;
  using Column = std::function<Expr(const Expr& column)>;

  Stmt tile(int rows, int out, int64_t out_stride) const;
  Stmt unrolled(int count, const std::function<Stmt(const Expr&)>& body) const;
  Stmt each_cell(const Tile& tile, const Cell& body) const;
  Stmt steps(const Tile& tile, const Expr& first, const Expr& count) const;
  Stmt word_of_codes(const Tile& tile, const Expr& first,
                     const Expr& word) const;
  Stmt rest(const Tile& tile, const Expr& k) const;
  Stmt add(const Tile& tile, const Expr& k, const Expr& chain,
           const Column& right) const;
  Stmt word_of_pairs(const Tile& tile, const Expr& word, const Expr& k) const;
  Expr left_at(const Expr& row, const Expr& k) const;
  Stmt close_group(const Tile& tile, const Expr& first,
                   const Expr& group) const;
  Expr acc_index(const Tile& tile, const Expr& chain, const Expr& row,
                 int v) const;
  Expr acc(const Tile& tile, const Expr& chain, const Expr& row, int v) const;
  Expr total_index(const Expr& row, int v) const;
  Expr total(const Expr& row, int v) const;
  Expr column(int v) const { return int_literal(v * context_.tile.lanes); }

  MatmulContext& context_;
  const MatmulLeft& left_;
  const StoredRight& right_;
  StreamLeft stream_left_;
  TileLocals locals_;
  int totals_ = -1;  // [row]: a vector of columns each
  int pairs_ = -1;   // of a word, as vectors
};

}  // namespace lathe
