#pragma once
// The work items of a matrix product: a block of rows times a few panels of one
// section each. With few rows an item takes fewer panels, so that all threads
// have some.

#include "codegen/matmul_operands.h"

namespace lathe {

class MatmulGrid {
 public:
  explicit MatmulGrid(const MatmulContext& context) : context_(context) {}

  Dim items() const;
  // What does not depend on the item.
  Stmt begin();
  // From the item to its rows, section, units and panels. Requires: begin().
  Stmt position(const Var& item) const;

 private:
  Dim row_blocks() const;
  int64_t few_rows() const;
  Dim many() const;

  const MatmulContext& context_;
  // Of each section.
  std::vector<Var> group_size_;
  std::vector<Expr> group_start_;
  Var groups_ = make_var("all_groups");
};

}  // namespace lathe
