#pragma once
// The left side as the streaming of weights (stream_tile.h) wants it, made once
// for a block of rows and depth: copies that make up for how codes are read,
// and sums of it.

#include "codegen/stored_right.h"

namespace lathe {

class StreamLeft {
 public:
  // Of up to `rows` rows, which sums need: more than a tile has only in pairs.
  StreamLeft(MatmulContext& context, const MatmulLeft& left,
             const StoredRight& right, int rows)
      : context_(context), left_(left), right_(right), rows_(rows) {}

  // Adds the local arrays; `acc` has a vector to use in between. Requires:
  // context.depth_block.
  void add_locals(int acc);

  // Once per kernel.
  Stmt begin() const;
  // Once per block of rows and depth, for this many rows.
  Stmt prepare(const Expr& rows) const;

  // What codes read in place are multiplied by.
  bool in_place() const { return scaled_ >= 0; }
  Expr scaled(const Expr& row, const Expr& k) const;
  // The sum of a group from the sum of products with its codes, as they are
  // read: in columns [column, ...), `first` being its first k.
  Expr closed(const Expr& sum, const Expr& row, const Expr& group,
              const Expr& first, const Expr& column) const;

  // Values of k that share factor and term.
  Expr group_length() const;
  // k that do not fill a word?
  bool has_rest() const;

 private:
  using Join = std::function<Expr(const Expr& so_far, const Expr& more)>;

  // What sums of codes read in place are multiplied by, or empty.
  Expr unscale(const Expr& row) const;
  // The sum over a group of k, or empty where nobody needs it.
  Expr sum(const Expr& row, const Expr& group) const;
  bool shifts_codes() const;
  int64_t groups() const;
  Stmt find_scale(const Expr& row) const;
  Stmt scale_row(const Expr& row) const;
  Stmt sum_of_group(const Expr& row, const Expr& group) const;
  Expr lanes_joined(int first, int count, const Join& join) const;
  Stmt fold(const Var& result, const Expr& offset, const Expr& first,
            const Expr& end, const Join& join) const;

  MatmulContext& context_;
  const MatmulLeft& left_;
  const StoredRight& right_;
  int rows_;
  int acc_ = -1;
  int lanes_ = -1;       // a vector, lane by lane
  int sums_ = -1;        // [row][group]
  int scaled_ = -1;      // [row][depth]
  int scales_ = -1;      // [place in a word]
  int row_scales_ = -1;  // [row]
  int unscales_ = -1;    // [row]
};

}  // namespace lathe
