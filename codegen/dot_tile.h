#pragma once
// Rows of codes times a panel of codes (left_cut.h, right_cut.h). Within a
// group of k all that is summed are integers, exactly:
//
//   sum of d * x * (factor * (least + q) + term)
//     = sum over groups of  d * (factor * (least * sum of x + sum of x * q)
//                                + term * sum of x)
//
// The bytes of some q stay in registers while all rows use them. Nothing of
// the left side but its codes, sums and factors is stored, for a block of rows
// and depth.

#include "codegen/stored_right.h"

namespace lathe {

class DotTile {
 public:
  // Requires: context.left_codes.
  DotTile(MatmulContext& context, const StoredRight& right);

  // Blocks of depth are a multiple of this.
  int64_t depth_step() const;
  // Adds the local arrays. Requires: context.depth_block, context.row_block.
  void add_locals();

  // Once per block of rows and depth.
  Stmt prepare() const;
  // Adds the product with panel p to sums: `out` is the slot, `first_out` the
  // element of row 0, whose columns lie side by side, the rows behind each
  // other. Rows up to the next even number may be written.
  Stmt panel(int out, const Expr& first_out) const;

 private:
  // `cell` counts the rows that are unrolled.
  using RowBody = std::function<Stmt(const Expr& row, const Expr& cell)>;
  // Where the sums of a row are: a vector of columns from `column` on.
  struct Sums {
    std::function<Expr(const Expr& row, const Expr& column)> load;
    std::function<Stmt(const Expr& row, const Expr& column, Expr value)> store;
    bool one_row = false;
  };
  // What the k of a group share, for a vector of columns.
  struct Shared {
    Expr factor, term;
  };

  Stmt copy_row(const Expr& row) const;
  Stmt factors_of_row(const Expr& row) const;
  Stmt sum_of_group(const Expr& row, const Expr& group) const;
  Stmt one_row(int out, const Expr& first_out) const;
  Stmt many_rows(int out, const Expr& first_out) const;
  Stmt groups_of(const Sums& sums) const;
  Stmt columns_of(const Sums& sums, const Expr& group,
                  const Expr& column) const;
  Stmt bytes(const Expr& run, const Expr& column) const;
  Stmt start(const Expr& cell, const Expr& row, const Expr& group) const;
  Stmt dot(const Expr& cell, const Expr& row, const Expr& run) const;
  Stmt close(const Sums& sums, const Expr& cell, const Expr& row,
             const Expr& group, const Expr& column, const Shared& shared) const;
  Stmt each_row(const Sums& sums, const RowBody& body) const;

  bool has_rest() const;
  // Runs that a whole group has, and in this one.
  int64_t runs() const;
  Expr runs_in(const Expr& group) const;
  Expr group_length() const;
  Expr group_count() const;
  Expr of_group(int slot, DType dtype, const Expr& group,
                const Expr& row) const;
  Expr place(const Expr& run, const Expr& row) const;
  Expr first_word(const Expr& run) const;
  const RightField& code() const;

  MatmulContext& context_;
  const LeftCut& left_;
  const StoredRight& right_;
  int64_t run_ = 0;  // k that are taken together; divides a group
  int codes_ = -1;   // [run][row][k of the run]
  int starts_ = -1;  // [group][row]: least * sum of x
  int scales_ = -1;  // [group][row]: d
  int terms_ = -1;   // [group][row]: d * sum of x
  int acc_ = -1;     // [row]: a vector of integers
  int bytes_ = -1;   // of a run: four k in a lane
  int totals_ = -1;  // of one row
};

}  // namespace lathe
