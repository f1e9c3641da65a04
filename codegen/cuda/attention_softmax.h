#pragma once
// The softmax of a warp's queries while keys stream by: for each query m the
// maximum so far, and l and o, the sums of exp(x - m) and of exp(x - m) *
// value. A step of keys raises m; l and o are scaled by exp(old m - new m).
// While every x so far is -inf the shift is 0, so that nothing becomes NaN
// before the end, where l = 0 gives 0 / 0 as it must.

#include <functional>

#include "codegen/cuda/warp_tile.h"

namespace lathe::cuda {

class WarpSoftmax {
 public:
  WarpSoftmax() = default;
  // Adds its arrays to the kernel. Requires: the tile outlives it.
  WarpSoftmax(KernelBuilder& kernel, const WarpTile& tile);

  Stmt clear() const;
  // Makes weights of the scores of a step, of which a thread has `cells` in a
  // row, and fades what `sums` columns of a thread have added up. `bind_row(r)`
  // comes before a row; `bind_score(j, raw, x)` binds x, the score of cell j.
  using BindRow = std::function<Stmt(const Expr& r)>;
  using BindScore =
      std::function<Stmt(const Expr& j, const Expr& raw, const Var& x)>;
  Stmt take_step(int64_t cells, int64_t sums, const BindRow& bind_row,
                 const BindScore& bind_score) const;

  // Of row r of the thread.
  Expr top(const Expr& r) const;
  Expr total(const Expr& r) const;
  // Every lane of a row gets what all of them have added up.
  Stmt join_totals() const;

 private:
  Expr element(int slot, const Expr& index) const {
    return flat_load(slot, DType::kFloat32, index);
  }

  const WarpTile* tile_ = nullptr;
  int top_ = -1, total_ = -1;  // of a thread
};

// -inf, the maximum of nothing.
Expr lowest();

// The shift for a maximum that may be -inf.
Expr shift_of(const Expr& top);

}  // namespace lathe::cuda
