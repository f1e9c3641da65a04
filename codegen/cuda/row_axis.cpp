#include "codegen/cuda/row_axis.h"

namespace lathe::cuda {

RowAxis::RowAxis(KernelBuilder& kernel, const Stage& stage, int axis)
    : kernel_(kernel), stage_(stage), axis_(axis) {
  ranges_.add(row_, rows());
  for (int i = 0; i < kernel.group().definition.inputs; ++i) kernel.operand(i);
  out_ = kernel.output(0);
}

Dim RowAxis::rows() const {
  Dim rows = 1;
  for (size_t d = 0; d < stage_.shape.size(); ++d) {
    if (static_cast<int>(d) != axis_) rows *= stage_.shape[d];
  }
  return rows;
}

std::vector<Expr> RowAxis::index(const Expr& position) const {
  std::vector<Expr> index(stage_.shape.size(), position);
  Dim inner = 1;
  for (size_t d = stage_.shape.size(); d-- > 0;) {
    if (static_cast<int>(d) == axis_) continue;
    index[d] = simplify(
        var(row_) / size_of(inner) % size_of(stage_.shape[d]), ranges_);
    inner *= stage_.shape[d];
  }
  return index;
}

Expr RowAxis::value(const Expr& body, const Expr& position) const {
  const std::vector<Expr> at = index(position);
  Substitution axes;
  for (size_t d = 0; d < at.size(); ++d) axes[stage_.axes[d].get()] = at[d];
  Expr value = kernel_.lower(body, axes, ranges_);
  if (value->type != NumType::kBool) return value;
  return convert(NumType::kInt64, value);
}

Stmt RowAxis::put(const Expr& position, const Expr& value) const {
  return store(out_, flat_index(index(position), stage_.shape, ranges_), value);
}

Dim inner_extent(const Stage& stage, int axis) {
  Dim inner = 1;
  for (size_t d = static_cast<size_t>(axis) + 1; d < stage.shape.size(); ++d) {
    inner *= stage.shape[d];
  }
  return inner;
}

}  // namespace lathe::cuda
