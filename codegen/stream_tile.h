#pragma once
// A row of the left side times a panel that is kept as fields: the storage is
// read once, at the speed of memory, and becomes numbers in registers.
//
//   sum of x * (factor * code + term)
//     = sum over groups of (factor * sum of x * code + term * sum of x)
//
// so that a step of k is a code made a number, and a multiply-add.

#include "codegen/stored_right.h"

namespace lathe {

class StreamTile {
 public:
  StreamTile(MatmulContext& context, const MatmulLeft& left,
             const StoredRight& right)
      : context_(context), left_(left), right_(right) {}

  // Rows up to which this is faster than a block of numbers in memory.
  static constexpr int kRows = 2;

  // Adds the local arrays. Requires: context.depth_block.
  void add_locals(const TileLocals& locals);

  // Once per kernel.
  Stmt begin() const;
  // Sums of the left side, and what codes in place are multiplied by, once per
  // block of depth.
  Stmt prepare() const;
  // Adds the product with panel p to row `row` of the sums in `out`.
  Stmt row(const Expr& row, int out, int64_t out_stride) const;

 private:
  using Body = std::function<Stmt(const Expr& column, int v)>;

  int64_t groups() const;
  int chains() const;
  Stmt each_vector(const Body& body) const;
  Expr group_length() const;
  Stmt sum_of_left(const Expr& row, const Expr& group) const;
  Stmt find_scale(const Expr& row) const;
  Stmt scale_left(const Expr& row) const;
  using Join = std::function<Expr(const Expr& so_far, const Expr& more)>;
  Stmt fold_left(const Var& result, const Expr& offset, const Expr& first,
                 const Expr& end, const Join& join) const;
  Stmt steps(const Expr& first, const Expr& count, const Expr& row,
             const Expr& offset) const;
  Stmt word_of_codes(const Expr& first, const Expr& word, const Expr& row,
                     const Expr& offset) const;
  Stmt add(const Expr& left, const Expr& chain,
           const std::function<Expr(const Expr& column)>& right) const;
  Stmt close_group(const Expr& first, const Expr& row, const Expr& group) const;
  Expr acc(const Expr& chain, int v) const;
  Expr total(int v) const;
  Expr scaled(const Expr& row, const Expr& k) const;
  bool has_rest() const;

  MatmulContext& context_;
  const MatmulLeft& left_;
  const StoredRight& right_;
  TileLocals locals_;
  int totals_ = -1;      // a vector of columns each
  int lanes_ = -1;       // a vector, lane by lane
  int left_sums_ = -1;   // [row][group]
  int scaled_ = -1;      // [row][depth]: the left side for codes in place
  int scales_ = -1;      // what it is scaled by, by place
  int row_scales_ = -1;  // [row]: and all of it, for floats in place
  int unscales_ = -1;    // [row]: what makes up for that in the sum
};

}  // namespace lathe
