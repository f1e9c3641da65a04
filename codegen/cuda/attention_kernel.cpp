#include "codegen/cuda/attention_kernel.h"

#include <algorithm>
#include <utility>

#include "codegen/attention_result.h"
#include "codegen/cuda/attention_join.h"
#include "codegen/cuda/gpu_sizes.h"
#include "codegen/cuda/item_index.h"

namespace lathe::cuda {
namespace {

Expr clamp(const Expr& x, const Expr& low, const Expr& high) {
  return max(min(x, high), low);
}

}  // namespace

AttentionKernel::AttentionKernel(const Group& group, const AttentionForm& form,
                                 const AttentionShape& shape,
                                 const AttentionItems& items, Rows rows)
    : form_(form),
      shape_(shape),
      items_(items),
      is_few_(rows == Rows::kFew),
      kernel_(group),
      ranges_(ranges_of(form)) {
  bind_buffers();
  worker_ = kernel_.share_items(kAttentionThreads);
  kernel_.keep_blocks(2);
  add_arrays();
  // Indices in what is hidden are checked all the same.
  if (!checks_indices(group)) {
    limits_ = find_key_limits(score_, form.m, form.s, ranges_);
  }
}

void AttentionKernel::bind_buffers() {
  bind_attention(kernel_, form_);
  if (items_.may_split()) {
    parts_ = kernel_.scratch(0, attention_parts(form_, items_), true);
    if (is_few_) counts_ = kernel_.counts("arrivals", kWantedItems / 2);
  }
  auto operand = [&](const Expr& value, const Var& line, const Var& inner,
                     const Dim& count) {
    return LineOperand{kernel_.lower(value, {}, ranges_), line, inner,
                       count.value()};
  };
  query_ = operand(form_.query, form_.m, form_.k, form_.depth);
  key_ = operand(form_.key, form_.s, form_.k, form_.depth);
  value_ = operand(form_.value, form_.s, form_.n, form_.columns);
  score_ = kernel_.lower(form_.score, {}, ranges_);
}

void AttentionKernel::add_arrays() {
  lines_ = is_few_ ? kWarpQueries : kItemQueries;
  warp_keys_ = is_few_ ? shape_.keys / kAttentionWarps : shape_.keys;
  auto shared = [&](const char* name, int64_t count, int64_t width) {
    return SharedLines(kernel_, name, shape_.dtype, count, width,
                       kAttentionThreads);
  };
  queries_ = shared("queries", lines_, shape_.depth);
  keys_ = shared("keys", shape_.keys, shape_.depth);
  values_ = shared("vals", shape_.keys, shape_.columns);
  WarpOperands operands{queries_,       keys_,      values_, shape_.depth,
                        shape_.columns, warp_keys_, lane_};
  const bool plain = shape_.dtype == DType::kFloat32;
  tile_ = plain ? make_plain_tile(kernel_, operands, lines_, shape_.keys)
                : make_mma_tile(kernel_, operands, shape_.dtype, shape_.fine);
  softmax_ = WarpSoftmax(kernel_, *tile_);
  if (!is_few_) return;
  few_sums_ = kernel_.shared(
      "all_sums", DType::kFloat32,
      kWarpQueries * std::max(shape_.columns, kMostSplits));
  few_tops_ = kernel_.shared("tops", DType::kFloat32, kItemQueries);
  few_totals_ = kernel_.shared("totals", DType::kFloat32, kItemQueries);
  if (counts_ < 0) return;
  blocks_before_ = kernel_.shared("blocks_before", DType::kInt32, 1);
  part_pack_ = kernel_.local("part_pack", DType::kFloat32, 4);
  part_sums_ = kernel_.local("part_sums", DType::kFloat32, 4);
}

LoweredGroup AttentionKernel::lower() {
  Var item = make_var("item");
  Stmt loop = for_loop(item, var(kernel_.lo()), var(kernel_.hi()),
                       block({position(item), work()}), LoopKind::kItems);
  Stmt body = block(
      {let(rows_, size_of(form_.rows)), let(splits_, item_index(size_of(items_.splits))),
       let(steps_, ceil_div(size_of(form_.keys), int_literal(shape_.keys))),
       loop});
  Dim pairs = form_.batch * form_.rows * form_.keys;
  Dim cost = floordiv(pairs * (form_.depth + form_.columns + Dim(16)), 30);
  return kernel_.finish(body, is_few_ ? items_.few : items_.many, cost);
}

// The last queries, who may see the most keys, come first.
Stmt AttentionKernel::position(const Var& item) const {
  Var rest = make_var("rest"), tile = make_var("tile");
  Var tiles = make_var("tiles"), query_tile = make_var("query_tile");
  Expr piece = var(item) % int_literal(shape_.pieces);
  return block({
      let(lane_, var(worker_) % int_literal(kWarp)),
      let(warp_, var(worker_) / int_literal(kWarp)),
      tile_->bind(),
      let(n0_, piece * int_literal(shape_.columns)),
      let(rest, item_index(var(item)) / int_literal(shape_.pieces)),
      let(split_, var(rest) % var(splits_)),
      let(query_tile, var(rest) / var(splits_)),
      let(whole_, var(query_tile) * int_literal(shape_.pieces) + piece),
      let(tiles, item_index(size_of(items_.tiles))),
      let(tile, var(query_tile) % var(tiles)),
      let(m0_, (var(tiles) - 1 - var(tile)) * int_literal(kItemQueries)),
      let(form_.b, var(query_tile) / var(tiles)),
  });
}

Expr AttentionKernel::first_query() const {
  return is_few_ ? int_literal(0) : var(warp_) * int_literal(kWarpQueries);
}
Expr AttentionKernel::first_key() const {
  return is_few_ ? var(warp_) * int_literal(warp_keys_) : int_literal(0);
}

Stmt AttentionKernel::work() {
  Var c = make_var("c");
  return block({
      // All have read the item before's: the warps met after it.
      queries_.fill(query_, var(m0_), var(rows_) - var(m0_), lines_,
                    int_literal(0), ranges_),
      intrinsic(IntrinsicOp::kGroupMoves),
      unrolled(c, shape_.columns / 2,
               store(tile_->sums_slot(), var(c), float_zero())),
      softmax_.clear(),
      all_steps(),
      softmax_.join_totals(),
      is_few_ ? finish_few() : finish_many(),
  });
}

// This item's part of `count` steps from `first` on.
AttentionKernel::Steps AttentionKernel::part_of(const Expr& first,
                                                const Expr& count) const {
  if (!items_.may_split()) return {first, first + count};
  const auto share = [&](const Expr& split) {
    return item_index(count * split) / var(splits_);
  };
  return {first + share(var(split_)), first + share(var(split_) + 1)};
}

Expr AttentionKernel::last_query() const {
  return min(var(m0_) + int_literal(kItemQueries), var(rows_)) - 1;
}

// Where a causal or window select hides keys from all queries of the item, the
// steps that some query sees come first, in a first round. A second round has
// the others, and is left out when each query has seen a key: then their
// weights are 0.
Stmt AttentionKernel::all_steps() {
  Var round = make_var("round"), seen = make_var("seen");
  Var unseen = make_var("unseen");
  if (!limits_) {
    return block({let(first_step_, int_literal(0)),
                  steps(part_of(int_literal(0), var(steps_)))});
  }
  auto step_of = [&](const Expr& key) { return key / int_literal(shape_.keys); };
  auto limit_at = [&](const Expr& limit, const Expr& query) {
    return substitute(limit, {{form_.m.get(), query}});
  };
  Expr first = limits_->first ? step_of(limit_at(*limits_->first, var(m0_)))
                              : int_literal(0);
  Expr end = limits_->last
                 ? step_of(limit_at(*limits_->last, last_query())) + 1
                 : var(steps_);
  Steps shown = part_of(int_literal(0), var(seen));
  Steps others = part_of(var(seen), var(steps_) - var(seen));
  Expr is_first = equal(var(round), int_literal(0));
  Expr others_end = select(equal(var(unseen), int_literal(0)), others.begin,
                           others.end);
  return block({
      let(first_step_, clamp(first, int_literal(0), var(steps_))),
      let(seen, clamp(end, var(first_step_), var(steps_)) - var(first_step_)),
      for_loop(
          round, int_literal(0), int_literal(2),
          block({declare(unseen, int_literal(0)),
                 if_then(equal(var(round), int_literal(1)) &&
                             var(seen) < var(steps_),
                         note_unseen(unseen)),
                 steps({select(is_first, shown.begin, others.begin),
                        select(is_first, shown.end, others_end)})})),
  });
}

// The first key of a step. Steps go round: the one after the last is number 0.
Expr AttentionKernel::key_of_step(const Expr& number) const {
  Expr place = number;
  if (limits_ && limits_->first) {
    place = number + var(first_step_);
    place = select(place < var(steps_), place, place - var(steps_));
  }
  return place * int_literal(shape_.keys);
}

// While a step's scores are made, its values come; then the next step's keys.
Stmt AttentionKernel::steps(const Steps& steps) {
  Var number = make_var("number"), end = make_var("end");
  Var begin = make_var("begin"), next = make_var("next");
  auto fill_keys = [&](const Expr& step) {
    return block({let(next, key_of_step(step)),
                  keys_.fill(key_, var(next), size_of(form_.keys) - var(next),
                             shape_.keys, int_literal(0), ranges_),
                  intrinsic(IntrinsicOp::kGroupMoves)});
  };
  auto await = [](int64_t left) {
    return block({intrinsic(IntrinsicOp::kAwaitMoves, {}, left),
                  barrier(kAttentionThreads)});
  };
  Stmt step = block({
      let(s0_, key_of_step(var(number))),
      let(key_count_, size_of(form_.keys) - var(s0_)),
      // The keys are there, and no warp reads the values before any more.
      await(0),
      values_.fill(value_, var(s0_), var(key_count_), shape_.keys, var(n0_),
                   ranges_),
      intrinsic(IntrinsicOp::kGroupMoves),
      tile_->multiply(first_query(), first_key(), warp_keys_),
      barrier(kAttentionThreads),
      if_then(var(number) + 1 < var(end), fill_keys(var(number) + 1),
              intrinsic(IntrinsicOp::kGroupMoves)),
      softmax(),
      await(1),
      tile_->add_values(first_query(), first_key(), warp_keys_),
  });
  return block({let(begin, steps.begin), let(end, steps.end),
                if_then(var(begin) < var(end), fill_keys(var(begin))),
                for_loop(number, var(begin), var(end), step),
                intrinsic(IntrinsicOp::kAwaitMoves, {}, 0)});
}

// Sets `unseen` to 1 in all threads if a query of the item has seen no key.
Stmt AttentionKernel::note_unseen(const Var& unseen) const {
  Var r = make_var("r");
  Expr hidden = float_literal(limits_->hidden / 2, NumType::kFloat32);
  return block(
      {unrolled(r, tile_->rows(),
                assign(unseen, select(softmax_.top(var(r)) > hidden,
                                      var(unseen), int_literal(1)))),
       combine_workers(ReduceOp::kMax, unseen)});
}

// Queries and keys that are not there count as the last one; the weights of
// such keys are 0.
Stmt AttentionKernel::softmax() {
  auto bind_row = [&](const Expr& r) {
    Expr query = var(m0_) + first_query() + tile_->query(r);
    return let(form_.m, min(query, var(rows_) - 1));
  };
  auto bind_score = [&](const Expr& j, const Expr& raw, const Var& x) {
    Var key = make_var("key");
    Expr score = raw;
    if (form_.score_scale) {
      score = score * kernel_.lower(form_.score_scale, {}, ranges_);
    }
    return block(
        {let(key, first_key() + tile_->key(j)),
         let(form_.s, min(var(s0_) + var(key), size_of(form_.keys) - 1)),
         let(form_.raw, score),
         let(x, select(var(key) < var(key_count_), score_, lowest()))});
  };
  return softmax_.take_step(tile_->cells(warp_keys_),
                            tile_->cells(shape_.columns), bind_row,
                            bind_score);
}

// What becomes of an item's sums: the result, or a part of it.
Stmt AttentionKernel::whole_or_part(
    const std::function<Stmt(bool whole)>& store) const {
  if (!items_.may_split()) return store(true);
  return if_then(equal(var(splits_), int_literal(1)), store(true),
                 store(false));
}

// At form.m and n.
Stmt AttentionKernel::store_sum(bool whole, const Expr& sum,
                                const Expr& inverse) {
  Stmt one = whole ? store_attention(kernel_, form_, ranges_, sum * inverse)
                   : store(parts_,
                           PartsLine(form_, var(split_), var(splits_))
                               .at(var(form_.n)),
                           sum);
  const int64_t columns = form_.columns.value();
  if (columns % shape_.columns == 0) return one;
  return if_then(var(form_.n) < int_literal(columns), one);
}

// At form.m, in one thread of those that have its sums.
Stmt AttentionKernel::store_row(const Expr& chosen, const Expr& top,
                                const Expr& total) const {
  const PartsLine line(form_, var(split_), var(splits_));
  // Of many queries the first piece of the columns says it for all.
  return if_then(is_few_ ? chosen : chosen && equal(var(n0_), int_literal(0)),
                 block({store(parts_, line.top(), top),
                        store(parts_, line.total(), total)}));
}

Stmt AttentionKernel::finish_many() {
  return whole_or_part([&](bool whole) {
    Var r = make_var("r"), j = make_var("j");
    Var inverse = make_var("inverse", NumType::kFloat32);
    Expr sum = element(tile_->sums_slot(), tile_->sum_cell(var(r), var(j)));
    Expr total = softmax_.total(var(r));
    Stmt row = whole ? let(inverse, float_literal(1, NumType::kFloat32) / total)
                     : store_row(is_first_of_row(), softmax_.top(var(r)), total);
    Stmt cells = unrolled(
        j, tile_->cells(shape_.columns),
        block({let(form_.n, var(n0_) + tile_->column(var(j))),
               store_sum(whole, sum, var(inverse))}));
    return unrolled(
        r, tile_->rows(),
        block({let(form_.m,
                   var(m0_) + first_query() + tile_->query(var(r))),
               if_then(var(form_.m) < var(rows_), block({row, cells}))}));
  });
}

Expr AttentionKernel::is_first_of_row() const {
  return equal(var(lane_) % int_literal(tile_->lanes_of_row()),
               int_literal(0));
}

}  // namespace lathe::cuda
