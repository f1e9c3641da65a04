#pragma once
// The softmax of a block of queries while keys stream by, one query per lane.
//
// weights[key, lane] holds x, then exp(x - m), for the keys of one step. Per
// lane: m the maximum so far, l the sum of exp(x - m), and the factor by which
// this step's m fades what was summed before. While every x so far is -inf, m
// is taken as 0, so that nothing becomes NaN before the end, where l = 0 gives
// 0 / 0 as it must.

#include <functional>

#include "codegen/kernel_builder.h"

namespace lathe {

class OnlineSoftmax {
 public:
  OnlineSoftmax() = default;
  // `lanes` are in use of the `stride` that a row of the local array `weights`
  // has.
  OnlineSoftmax(KernelBuilder& kernel, int weights, int64_t stride, Expr lanes);

  Expr weight_index(const Expr& key, const Expr& lane) const;

  // Before the first step.
  Stmt clear() const;
  // Stores x of a key and raises the lane's maximum.
  Stmt take(const Expr& key, const Expr& lane, const Expr& x) const;
  // After all keys of a step: the new m and how it fades the sums so far.
  Stmt raise_maximum() const;
  // Then: x becomes exp(x - m).
  Stmt exponentials(const Expr& keys) const;

  // body(maximum so far) for every lane.
  Stmt for_maxima(const std::function<Stmt(const Expr&)>& body) const;

  Expr fade(const Expr& lane) const;
  Expr total(const Expr& lane) const;

 private:
  Expr element(int slot, const Expr& index) const;

  int weights_ = -1, max_ = -1, total_ = -1, shift_ = -1, fade_ = -1;
  int64_t stride_ = 0;
  Expr lanes_;
};

// for name in 0 .. count: body; by default with independent iterations.
Stmt each(const char* name, const Expr& count,
          const std::function<Stmt(const Expr&)>& body,
          LoopKind kind = LoopKind::kVector);

}  // namespace lathe
