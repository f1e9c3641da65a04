// The end of an item of few queries. Its warps have seen different keys, and so
// have blocks where they split the keys. Then the block that finds itself the
// last to leave its part joins all of them, in their order, whoever it is, so
// that a run gives the same bits each time.

#include "codegen/attention_result.h"
#include "codegen/cuda/attention_join.h"
#include "codegen/cuda/attention_kernel.h"
#include "codegen/cuda/code_words.h"
#include "codegen/cuda/gpu_sizes.h"

namespace lathe::cuda {
namespace {

// Parts whose sums are read at once.
constexpr int64_t kAhead = 8;

}  // namespace

// Warps have seen different keys: their sums are scaled to one maximum and
// added up in the order of the warps.
Stmt AttentionKernel::join_warps() {
  Var r = make_var("r"), j = make_var("j"), turn = make_var("turn");
  Var p = make_var("p"), q = make_var("q"), w = make_var("w");
  Var high = make_var("high", NumType::kFloat32);
  Var fade = make_var("fade", NumType::kFloat32);
  auto at = [&](const Expr& warp, const Expr& row) {
    return warp * int_literal(kWarpQueries) + row;
  };
  Expr mine = at(var(warp_), tile_->query(var(r)));
  Stmt hand_over = if_then(
      is_first_of_row(),
      block({store(few_tops_, mine, softmax_.top(var(r))),
             store(few_totals_, mine, softmax_.total(var(r)))}));
  Expr sum = element(tile_->sums_slot(), tile_->sum_cell(var(p), var(j)));
  Expr place = tile_->query(var(p)) * int_literal(shape_.columns) +
               tile_->column(var(j));
  Expr before = select(equal(var(turn), int_literal(0)), float_zero(),
                       element(few_sums_, place));
  Expr other = element(few_tops_, at(var(w), tile_->query(var(p))));
  Stmt add = unrolled(
      p, tile_->rows(),
      block({declare(high, lowest()),
             unrolled(w, kAttentionWarps,
                      assign(high, select(other > var(high), other,
                                          var(high)))),
             let(fade, exp(softmax_.top(var(p)) - shift_of(var(high)))),
             unrolled(j, tile_->cells(shape_.columns),
                      store(few_sums_, place, before + sum * var(fade)))}));
  return block({
      unrolled(r, tile_->rows(), hand_over),
      barrier(kAttentionThreads),
      for_loop(turn, int_literal(0), int_literal(kAttentionWarps),
               block({if_then(equal(var(turn), var(warp_)), add),
                      barrier(kAttentionThreads)})),
  });
}

// A thread makes cells of rows whose maxima and totals all of them look up.
Stmt AttentionKernel::finish_few() {
  Stmt ends = whole_or_part([&](bool whole) {
    Var cell = make_var("cell"), row = make_var("row"), n = make_var("n");
    Var w = make_var("w"), v = make_var("w");
    Var high = make_var("high", NumType::kFloat32);
    Var all = make_var("all", NumType::kFloat32);
    auto at = [&](const Var& warp) {
      return var(warp) * int_literal(kWarpQueries) + var(row);
    };
    Expr top = element(few_tops_, at(w));
    Expr total = element(few_totals_, at(v)) *
                 exp(element(few_tops_, at(v)) - shift_of(var(high)));
    Expr inverse = float_literal(1, NumType::kFloat32) / var(all);
    std::vector<Stmt> one = {
        declare(high, lowest()),
        unrolled(w, kAttentionWarps,
                 assign(high, select(top > var(high), top, var(high)))),
        declare(all, float_zero()),
        unrolled(v, kAttentionWarps, assign(all, var(all) + total))};
    if (!whole) {
      one.push_back(
          store_row(equal(var(n), int_literal(0)), var(high), var(all)));
    }
    one.push_back(let(form_.n, var(n0_) + var(n)));
    one.push_back(store_sum(whole, element(few_sums_, var(cell)), inverse));
    return for_loop(
        cell, var(worker_), int_literal(kWarpQueries * shape_.columns),
        block({let(row, var(cell) / int_literal(shape_.columns)),
               let(n, var(cell) % int_literal(shape_.columns)),
               let(form_.m, var(m0_) + var(row)),
               if_then(var(form_.m) < var(rows_), block(std::move(one)))}),
        LoopKind::kSerial, kAttentionThreads);
  });
  if (counts_ < 0) return block({join_warps(), ends});
  return block({join_warps(), ends,
                if_then(int_literal(1) < var(splits_), join_parts())});
}

Stmt AttentionKernel::join_parts() {
  const int64_t columns = form_.columns.value();
  const int64_t pack = columns % 4 == 0 ? 4 : 1;
  const int64_t packs = shape_.columns / pack;
  Expr worker = var(worker_);
  Expr is_last = equal(flat_load(blocks_before_, DType::kInt32, int_literal(0)),
                       var(splits_) - int_literal(1));
  Expr is_first_thread = equal(worker, int_literal(0));
  Var cell = make_var("cell"), row = make_var("row"), p = make_var("p");
  Stmt join = block({
      if_then(is_first_thread,
              store(counts_, var(whole_), int_literal(0))),
      fade_parts(),
      barrier(kAttentionThreads),
      for_loop(cell, worker, var(rows_) * int_literal(packs),
               block({let(row, var(cell) / int_literal(packs)),
                      let(p, var(cell) % int_literal(packs)),
                      let(form_.m, var(m0_) + var(row)),
                      add_parts(var(row), var(p) * int_literal(pack))}),
               LoopKind::kSerial, kAttentionThreads),
  });
  return block({
      // All have left their part, and none needs the sums of warps any more.
      barrier(kAttentionThreads),
      if_then(is_first_thread,
              intrinsic(IntrinsicOp::kCountBlock,
                        {{blocks_before_, int_literal(0)},
                         {counts_, var(whole_)}})),
      barrier(kAttentionThreads),
      if_then(is_last, join),
  });
}

// What multiplies the sums of each part, to bring them to one maximum: a warp
// for each row. Then the rows' totals.
Stmt AttentionKernel::fade_parts() const {
  Var r = make_var("r"), s = make_var("s"), t = make_var("s");
  Var high = make_var("high", NumType::kFloat32);
  Var shift = make_var("shift", NumType::kFloat32);
  Var total = make_var("total", NumType::kFloat32);
  Var fade = make_var("fade", NumType::kFloat32);
  auto part = [&](const Expr& index) { return element(parts_, index); };
  const PartsLine first(form_, var(s), var(splits_));
  const PartsLine second(form_, var(t), var(splits_));
  Expr top = part(first.top());
  Expr at = var(r) * int_literal(kMostSplits) + var(t);
  Stmt row = block({
      let(form_.m, var(m0_) + var(r)),
      declare(high, lowest()),
      for_loop(s, var(lane_), var(splits_),
               assign(high, select(top > var(high), top, var(high))),
               LoopKind::kSerial, kWarp),
      combine_lanes(ReduceOp::kMax, high, kWarp),
      let(shift, shift_of(var(high))),
      declare(total, float_zero()),
      for_loop(
          t, var(lane_), var(splits_),
          block({let(fade, exp(part(second.top()) - var(shift))),
                 assign(total, var(total) + part(second.total()) * var(fade)),
                 store(few_sums_, at, var(fade))}),
          LoopKind::kSerial, kWarp),
      combine_lanes(ReduceOp::kSum, total, kWarp),
      if_then(equal(var(lane_), int_literal(0)),
              store(few_totals_, var(r), var(total))),
  });
  return for_loop(r, var(warp_), var(rows_), row, LoopKind::kSerial,
                  kAttentionWarps);
}

// At form.m: the results of `pack` neighbours of the item's columns.
Stmt AttentionKernel::add_parts(const Expr& row, const Expr& column) {
  const int64_t columns = form_.columns.value();
  const int64_t pack = columns % 4 == 0 ? 4 : 1;
  Var s = make_var("s"), u = make_var("u"), c = make_var("c");
  Var j = make_var("j"), i = make_var("j"), part = make_var("part");
  Var fade = make_var("fade", NumType::kFloat32);
  Var n = make_var("n");
  const PartsLine line(form_, var(part), var(splits_));
  Stmt read =
      pack == 1
          ? store(part_pack_, int_literal(0), element(parts_, line.at(var(n))))
          : intrinsic(IntrinsicOp::kMove,
                      {{part_pack_, int_literal(0)},
                       {parts_, line.at(var(n))}},
                      4 * pack);
  Stmt add = block({
      let(fade, element(few_sums_,
                        row * int_literal(kMostSplits) + var(part))),
      read,
      unrolled(j, pack,
               store(part_sums_, var(j),
                     element(part_sums_, var(j)) +
                         element(part_pack_, var(j)) * var(fade))),
  });
  Stmt all = for_loop(
      s, int_literal(0), var(splits_),
      unrolled(u, kAhead,
               block({let(part, var(s) + var(u)),
                      if_then(var(part) < var(splits_), add)})),
      LoopKind::kSerial, kAhead);
  Stmt results = unrolled(
      i, pack,
      block({let(form_.n, var(n) + var(i)),
             store_attention(kernel_, form_, ranges_,
                             element(part_sums_, var(i)) /
                                 element(few_totals_, row))}));
  return block({let(n, var(n0_) + column),
                unrolled(c, pack, store(part_sums_, var(c), float_zero())),
                if_then(var(n) < int_literal(columns), block({all, results}))});
}

}  // namespace lathe::cuda
