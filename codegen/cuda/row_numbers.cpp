#include "codegen/cuda/row_numbers.h"

#include <algorithm>

#include "codegen/cuda/code_words.h"
#include "codegen/cuda/gpu_sizes.h"
#include "codegen/point_ops.h"
#include "codegen/rewrite.h"

namespace lathe::cuda {
using Of = PrologueForm::Of;

RowNumbers::RowNumbers(MatmulParts& parts) : parts_(parts) {
  KernelBuilder& kernel = parts.kernel();
  const auto& numbers = parts.prologue()->numbers;
  for (size_t i = 0; i < numbers.size(); ++i) lowered_.push_back(lower(i));
  found_ = kernel.local("found", DType::kFloat32, kFewRows);
  const bool any_of_row =
      std::any_of(numbers.begin(), numbers.end(), [](const auto& number) {
        return number.of == Of::kRow && number.op;
      });
  if (!any_of_row) return;
  of_warps_ =
      kernel.shared("found_of_warps", DType::kFloat32, kMatmulWarps * kFewRows);
}

int64_t RowNumbers::group_size(size_t i) const {
  return parts_.form().depth.value() / number(i).groups;
}

RowNumbers::Lowered RowNumbers::lower(size_t i) {
  const PrologueForm::Number& from = number(i);
  const MatmulForm& form = parts_.form();
  const Shape& extents = parts_.prologue()->row_extents;
  Substitution axes;
  for (const Var& axis : from.axes) axes[axis.get()] = int_literal(0);
  if (from.of != Of::kAllRows) {
    const std::vector<Expr> row = unflatten(
        var(form.m), std::vector<Dim>(extents.begin(), extents.end()));
    for (size_t d = 0; d < row.size(); ++d) axes[from.axes[d].get()] = row[d];
    if (from.k) axes[from.k.get()] = var(form.k);
  }
  Ranges ranges = parts_.ranges();
  if (from.of == Of::kAllRows && from.k) ranges.add(from.k, from.extent);
  if (from.of == Of::kGroups) {
    const Expr size = int_literal(group_size(i));
    ranges.add(group_, Dim(from.groups));
    axes[from.group.get()] = from.op ? var(form.k) / size : var(group_);
    if (from.k) axes[from.k.get()] = var(form.k) % size;
  }
  Lowered lowered;
  lowered.value = parts_.kernel().lower(from.value, axes, ranges);
  if (is_along(i)) choose_pack(i, lowered);
  return lowered;
}

// As many elements at once as the widest operand has in 16 bytes.
void RowNumbers::choose_pack(size_t i, Lowered& lowered) {
  const MatmulForm& form = parts_.form();
  int64_t widest = 1;
  std::vector<Expr> along;
  for (const Expr& e : loads_of(lowered.value)) {
    auto& load = std::get<Load>(e->node);
    if (parts_.is_number(load)) continue;
    auto affine = affine_in(load.index[0], form.k, parts_.ranges());
    const bool in_line = affine && affine->stride == 1;
    const int64_t most = kMove / size_of(load.dtype);
    if (!in_line &&
        !parts_.pack_address(load.index[0], parts_.ranges(), kp_, most)) {
      continue;
    }
    widest = std::max<int64_t>(widest, size_of(load.dtype));
    along.push_back(e);
  }
  const int64_t pack = kMove / widest;
  const Dim whole = floordiv(form.depth, Dim(number(i).groups));
  if (!(mod(whole, pack) == 0)) return;
  lowered.pack = pack;
  for (const Expr& e : along) {
    auto& load = std::get<Load>(e->node);
    if (pack * size_of(load.dtype) < kLeastMove ||
        !parts_.is_there(lowered.value, e, parts_.ranges())) {
      continue;
    }
    const bool known = std::any_of(
        lowered.moved.begin(), lowered.moved.end(), [&](const Moved& moved) {
          return to_string(moved.load) == to_string(e);
        });
    if (known) continue;
    auto address =
        parts_.pack_address(load.index[0], parts_.ranges(), kp_, pack);
    if (!address) continue;
    const std::string& name =
        parts_.kernel().loops().buffers[size_t(load.slot)].name;
    const int array = parts_.kernel().local(name + "_row", load.dtype, pack);
    lowered.moved.push_back({e, *address, array});
  }
}

// Adds pack kp_ of the row to what the thread has found.
Stmt RowNumbers::add_pack(size_t i, const Expr& row) const {
  const Lowered& from = lowered_[i];
  const MatmulForm& form = parts_.form();
  Var j = make_var("j");
  std::vector<Stmt> stmts = {let(form.m, row)};
  for (const Moved& moved : from.moved) {
    const Load& load = std::get<Load>(moved.load->node);
    stmts.push_back(
        intrinsic(IntrinsicOp::kMove,
                  {{moved.array, int_literal(0)}, {load.slot, moved.address}},
                  from.pack * size_of(load.dtype)));
  }
  Rewriter in_pack([&](const Expr& e) -> Expr {
    for (const Moved& moved : from.moved) {
      if (to_string(e) != to_string(moved.load)) continue;
      return flat_load(moved.array, std::get<Load>(e->node).dtype, var(j));
    }
    return {};
  });
  Expr before = flat_load(found_, DType::kFloat32, row);
  Expr value = in_pack(from.value);
  stmts.push_back(unrolled(
      j, from.pack,
      block({let(form.k, var(kp_) * int_literal(from.pack) + var(j)),
             store(found_, row, combine(*number(i).op, before, value))})));
  return block(std::move(stmts));
}

Stmt RowNumbers::reduce(size_t i) const {
  const MatmulForm& form = parts_.form();
  const ReduceOp op = *number(i).op;
  Var c = make_var("c"), r = make_var("r"), s = make_var("r");
  Var found = make_var("found", NumType::kFloat32);
  Expr rows = size_of(form.rows), worker = var(parts_.worker());
  Stmt clear = unrolled(
      c, kFewRows, store(found_, var(c), neutral_of(op, NumType::kFloat32)));
  Stmt along = for_loop(
      kp_, worker, size_of(floordiv(form.depth, Dim(lowered_[i].pack))),
      unrolled(r, kFewRows, if_then(var(r) < rows, add_pack(i, var(r)))),
      LoopKind::kSerial, kMatmulThreads);
  Expr at = worker / int_literal(kWarp) * int_literal(kFewRows) + var(s);
  Stmt hand_over = block(
      {declare(found, flat_load(found_, DType::kFloat32, var(s))),
       combine_lanes(op, found, kWarp),
       if_then(equal(worker % int_literal(kWarp), var(s)),
               store(of_warps_, at, var(found)))});
  return block({clear, along,
                unrolled(s, kFewRows, if_then(var(s) < rows, hand_over)),
                barrier(kMatmulThreads)});
}

// Each group by as many lanes as it has packs for, up to a warp.
Stmt RowNumbers::reduce_groups(size_t i) const {
  const ReduceOp op = *number(i).op;
  const int64_t groups = number(i).groups;
  const int64_t packs = group_size(i) / lowered_[i].pack;
  int lanes = 1;
  while (2 * lanes <= std::min<int64_t>(packs, kWarp)) lanes *= 2;
  const int64_t together = kMatmulThreads / lanes;
  Var first = make_var("first"), r = make_var("r"), p = make_var("p");
  Var found = make_var("found", NumType::kFloat32);
  Expr lane = var(parts_.worker()) % int_literal(lanes);
  Expr group = var(first) + var(parts_.worker()) / int_literal(lanes);
  Stmt along = for_loop(
      p, lane, int_literal(packs),
      block({let(kp_, var(group_) * int_literal(packs) + var(p)),
             add_pack(i, var(r))}),
      LoopKind::kSerial, lanes);
  std::vector<Stmt> of_row = {
      store(found_, var(r), neutral_of(op, NumType::kFloat32)), along,
      declare(found, flat_load(found_, DType::kFloat32, var(r)))};
  if (lanes > 1) of_row.push_back(combine_lanes(op, found, lanes));
  Expr at = var(r) * int_literal(groups) + var(group_);
  of_row.push_back(if_then(equal(lane, int_literal(0)) &&
                               group < int_literal(groups),
                           store(parts_.number_slot(i), at, var(found))));
  Stmt rows = unrolled(r, kFewRows,
                       if_then(var(r) < size_of(parts_.form().rows),
                               block(std::move(of_row))));
  return block(
      {for_loop(first, int_literal(0), int_literal(groups),
                block({let(group_, min(group, int_literal(groups - 1))), rows}),
                LoopKind::kSerial, together),
       barrier(kMatmulThreads)});
}

Stmt RowNumbers::finish(size_t i) const {
  Expr m = var(parts_.form().m);
  const int slot = parts_.number_slot(i);
  if (!number(i).op) return store(slot, m, lowered_[i].value);
  Expr all;
  for (int64_t w = 0; w < kMatmulWarps; ++w) {
    Expr one =
        flat_load(of_warps_, DType::kFloat32, m + int_literal(w * kFewRows));
    all = w == 0 ? one : combine(*number(i).op, all, one);
  }
  return store(slot, m, all);
}

// A thread does each row.
Stmt RowNumbers::for_each_row(const std::vector<size_t>& numbers) const {
  const MatmulForm& form = parts_.form();
  std::vector<Stmt> stmts = {let(form.m, var(parts_.worker()))};
  for (size_t i : numbers) stmts.push_back(finish(i));
  return block({if_then(var(parts_.worker()) < size_of(form.rows),
                        block(std::move(stmts))),
                barrier(kMatmulThreads)});
}

// A thread does each group of each row.
Stmt RowNumbers::for_each_group(size_t i) const {
  const Expr groups = int_literal(number(i).groups);
  Var at = make_var("at");
  Stmt one = block({let(parts_.form().m, var(at) / groups),
                    let(group_, var(at) % groups),
                    store(parts_.number_slot(i), var(at), lowered_[i].value)});
  return block({for_loop(at, var(parts_.worker()),
                         size_of(parts_.form().rows) * groups, one,
                         LoopKind::kSerial, kMatmulThreads),
                barrier(kMatmulThreads)});
}

// A thread does it: there are few rows.
Stmt RowNumbers::of_all_rows(size_t i) const {
  const PrologueForm::Number& from = number(i);
  const int slot = parts_.number_slot(i);
  std::vector<Stmt> one;
  if (from.op) {
    Var found = make_var("found", NumType::kFloat32);
    Stmt next =
        assign(found, combine(*from.op, var(found), lowered_[i].value));
    one = {declare(found, neutral_of(*from.op, NumType::kFloat32)),
           for_loop(from.k, int_literal(0), size_of(from.extent), next),
           store(slot, int_literal(0), var(found))};
  } else {
    one = {store(slot, int_literal(0), lowered_[i].value)};
  }
  return block({if_then(equal(var(parts_.worker()), int_literal(0)),
                        block(std::move(one))),
                barrier(kMatmulThreads)});
}

Stmt RowNumbers::compute() const {
  std::vector<Stmt> stmts;
  std::vector<size_t> waiting;
  auto finish_waiting = [&] {
    if (!waiting.empty()) stmts.push_back(for_each_row(waiting));
    waiting.clear();
  };
  for (size_t i = 0; i < lowered_.size(); ++i) {
    const bool of_row = number(i).of == Of::kRow;
    if (number(i).op || !of_row) finish_waiting();
    if (of_row) {
      if (number(i).op) stmts.push_back(reduce(i));
      waiting.push_back(i);
    } else if (number(i).of == Of::kAllRows) {
      stmts.push_back(of_all_rows(i));
    } else {
      stmts.push_back(number(i).op ? reduce_groups(i) : for_each_group(i));
    }
  }
  finish_waiting();
  return block(std::move(stmts));
}

}  // namespace lathe::cuda
