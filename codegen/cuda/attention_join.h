#pragma once
// Joins what the parts of the keys have added up, in their order, so that a run
// gives the same bits each time.

#include "codegen/cuda/attention_shape.h"

namespace lathe::cuda {

// A line of attention_parts(): what one part of the keys leaves for a query.
class PartsLine {
 public:
  // At form.b and form.m.
  PartsLine(const AttentionForm& form, const Expr& split, const Expr& splits);

  Expr at(const Expr& n) const { return first_ + n; }
  Expr top() const;
  Expr total() const;

 private:
  Expr first_;
  int64_t columns_;
};

// The kernel that makes the result of the parts of many queries. It has no
// items where the keys are not split.
LoweredKernel join_attention(const Group& group, const AttentionForm& form,
                             const AttentionItems& items);

}  // namespace lathe::cuda
