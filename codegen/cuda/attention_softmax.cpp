#include "codegen/cuda/attention_softmax.h"

#include <limits>

namespace lathe::cuda {

Expr lowest() {
  return float_literal(-std::numeric_limits<double>::infinity(),
                       NumType::kFloat32);
}

Expr shift_of(const Expr& top) {
  return select(equal(top, lowest()), float_zero(), top);
}

WarpSoftmax::WarpSoftmax(KernelBuilder& kernel, const WarpTile& tile)
    : tile_(&tile) {
  top_ = kernel.local("top", DType::kFloat32, tile.rows());
  total_ = kernel.local("total", DType::kFloat32, tile.rows());
}

Expr WarpSoftmax::top(const Expr& r) const { return element(top_, r); }
Expr WarpSoftmax::total(const Expr& r) const { return element(total_, r); }

Stmt WarpSoftmax::clear() const {
  Var r = make_var("r");
  return unrolled(r, tile_->rows(),
                  block({store(top_, var(r), lowest()),
                         store(total_, var(r), float_zero())}));
}

Stmt WarpSoftmax::take_step(int64_t cells, int64_t sums,
                            const BindRow& bind_row,
                            const BindScore& bind_score) const {
  Var r = make_var("r"), j = make_var("j"), t = make_var("t");
  Var n = make_var("n");
  auto real = [](const char* name) {
    return make_var(name, NumType::kFloat32);
  };
  Var high = real("high"), x = real("x"), shift = real("shift");
  Var fade = real("fade"), sum = real("all");
  const int scores = tile_->scores_slot(), results = tile_->sums_slot();
  Expr cell = tile_->score_cell(var(r), var(j));
  // NaN is not kept here; it reaches the result through the sum.
  Stmt score = block(
      {bind_score(var(j), element(scores, cell), x),
       store(scores, cell, var(x)),
       assign(high, select(var(x) > var(high), var(x), var(high)))});
  Expr other = tile_->score_cell(var(r), var(t));
  Stmt weigh = block(
      {store(scores, other, element(scores, other) - var(shift)),
       intrinsic(IntrinsicOp::kQuickExp, {{scores, other}}),
       assign(sum, var(sum) + element(scores, other))});
  Expr result = tile_->sum_cell(var(r), var(n));
  return unrolled(
      r, tile_->rows(),
      block({bind_row(var(r)), declare(high, top(var(r))),
             unrolled(j, cells, score),
             combine_lanes(ReduceOp::kMax, high, tile_->lanes_of_row()),
             let(shift, shift_of(var(high))),
             let(fade, exp(top(var(r)) - var(shift))),
             store(top_, var(r), var(high)),
             declare(sum, total(var(r)) * var(fade)),
             unrolled(t, cells, weigh), store(total_, var(r), var(sum)),
             unrolled(n, sums,
                      store(results, result,
                            element(results, result) * var(fade)))}));
}

Stmt WarpSoftmax::join_totals() const {
  Var r = make_var("r"), all = make_var("all", NumType::kFloat32);
  return unrolled(
      r, tile_->rows(),
      block({declare(all, total(var(r))),
             combine_lanes(ReduceOp::kSum, all, tile_->lanes_of_row()),
             store(total_, var(r), var(all))}));
}

}  // namespace lathe::cuda
