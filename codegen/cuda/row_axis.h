#pragma once
// A stage whose work goes along one axis, as scans and sorts do, on a GPU: the
// rows along it, and how a kernel of any number of threads reads and writes them.

#include "codegen/kernel_builder.h"

namespace lathe::cuda {

class RowAxis {
 public:
  // Of the only stage of `group`, whose values are read through `body`.
  // Requires: all of them outlive it.
  RowAxis(KernelBuilder& kernel, const Stage& stage, int axis);

  const Var& row() const { return row_; }
  Dim rows() const;
  const Ranges& ranges() const { return ranges_; }
  // `body` at `position` of the row.
  Expr value(const Expr& body, const Expr& position) const;
  Stmt put(const Expr& position, const Expr& value) const;

 private:
  std::vector<Expr> index(const Expr& position) const;

  KernelBuilder& kernel_;
  const Stage& stage_;
  const int axis_;
  int out_ = -1;
  Ranges ranges_;
  Var row_ = make_var("row");
};

// The product of the extents behind `axis`.
Dim inner_extent(const Stage& stage, int axis);

}  // namespace lathe::cuda
