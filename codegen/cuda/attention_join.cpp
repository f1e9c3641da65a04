#include "codegen/cuda/attention_join.h"

#include "codegen/attention_result.h"
#include "codegen/cuda/attention_softmax.h"

namespace lathe::cuda {
namespace {

// An item is a warp's: neighbouring columns of a result.
constexpr int64_t kJoinedColumns = 32;

}  // namespace

PartsLine::PartsLine(const AttentionForm& form, const Expr& split,
                     const Expr& splits)
    : columns_(form.columns.value()) {
  Expr line =
      (var(form.b) * splits + split) * size_of(form.rows) + var(form.m);
  first_ = line * int_literal(columns_ + kPartNumbers);
}

Expr PartsLine::top() const { return at(int_literal(columns_)); }
Expr PartsLine::total() const { return at(int_literal(columns_ + 1)); }

LoweredKernel join_attention(const Group& group, const AttentionForm& form,
                             const AttentionItems& items) {
  KernelBuilder kernel(group);
  bind_attention(kernel, form);
  const int parts = kernel.scratch(0, attention_parts(form, items), false);
  const Var lane = kernel.share_items(kJoinedColumns);
  const Ranges ranges = ranges_of(form);
  auto part = [&](const Expr& index) {
    return flat_load(parts, DType::kFloat32, index);
  };
  Var item = make_var("item"), rest = make_var("rest");
  Var splits = make_var("splits"), s = make_var("s"), t = make_var("s");
  Var high = make_var("high", NumType::kFloat32);
  Var shift = make_var("shift", NumType::kFloat32);
  Var total = make_var("total", NumType::kFloat32);
  Var sum = make_var("sum", NumType::kFloat32);
  Var fade = make_var("fade", NumType::kFloat32);
  const int64_t blocks =
      (form.columns.value() + kJoinedColumns - 1) / kJoinedColumns;
  const PartsLine first(form, var(s), var(splits));
  const PartsLine second(form, var(t), var(splits));
  Expr top = part(first.top());
  Expr n = min(var(form.n), int_literal(form.columns.value() - 1));
  Stmt add = block({
      let(fade, exp(part(second.top()) - var(shift))),
      assign(total, var(total) + part(second.total()) * var(fade)),
      assign(sum, var(sum) + part(second.at(n)) * var(fade)),
  });
  Stmt body = block({
      let(rest, var(item) / int_literal(blocks)),
      let(form.m, var(rest) % size_of(form.rows)),
      let(form.b, var(rest) / size_of(form.rows)),
      let(form.n,
          var(item) % int_literal(blocks) * int_literal(kJoinedColumns) +
              var(lane)),
      declare(high, lowest()),
      for_loop(s, var(lane), var(splits),
               assign(high, select(top > var(high), top, var(high))),
               LoopKind::kSerial, kJoinedColumns),
      combine_workers(ReduceOp::kMax, high),
      let(shift, shift_of(var(high))),
      declare(total, float_zero()),
      declare(sum, float_zero()),
      for_loop(t, int_literal(0), var(splits), add),
      if_then(var(form.n) < int_literal(form.columns.value()),
              store_attention(kernel, form, ranges, var(sum) / var(total))),
  });
  Stmt loop = for_loop(item, var(kernel.lo()), var(kernel.hi()), body,
                       LoopKind::kItems);
  const Dim lines = items.is_joined_after * form.batch * form.rows;
  return kernel.finish(
      block({let(splits, size_of(items.splits)), loop}), lines * Dim(blocks),
      lines * items.splits * form.columns);
}

}  // namespace lathe::cuda
