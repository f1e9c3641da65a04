#pragma once
// A sort of a row without memory of its own: a heap in the output row.

#include <functional>

#include "codegen/loop_ir.h"

namespace lathe {

// Whether a key of a sort comes before another: NaN is the largest.
Expr key_less(const Expr& a, const Expr& b);

// Keeps the first `kept` positions in a heap that lies in the output row, the
// last of them on top; then sorts the heap. No memory but the output, and
// n log(kept) steps.
class HeapSort {
 public:
  using At = std::function<Expr(const Expr&)>;
  HeapSort(int out, At key, At address, bool descending)
      : out_(out),
        key_(std::move(key)),
        address_(std::move(address)),
        descending_(descending) {}

  Stmt loops(const Dim& extent, const Dim& kept) const;

 private:
  Expr entry(const Expr& at) const;
  Stmt put(const Expr& at, const Expr& value) const;
  // Equal keys keep their order.
  Expr before(const Expr& i, const Expr& j) const;
  // Puts `value` at the free place `from` or above.
  Stmt sift_up(const Expr& from, const Expr& value) const;
  // Puts `value` at the top of a heap of `size` or below.
  Stmt sift_down(const Expr& value, const Expr& size) const;

  int out_;
  At key_, address_;
  bool descending_;
};

}  // namespace lathe
