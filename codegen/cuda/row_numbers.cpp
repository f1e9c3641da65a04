#include "codegen/cuda/row_numbers.h"

#include <algorithm>

#include "codegen/cuda/code_words.h"
#include "codegen/cuda/gpu_sizes.h"
#include "codegen/point_ops.h"
#include "codegen/rewrite.h"

namespace lathe::cuda {
namespace {


}  // namespace

RowNumbers::RowNumbers(MatmulParts& parts) : parts_(parts) {
  KernelBuilder& kernel = parts.kernel();
  const size_t count = parts.prologue()->numbers.size();
  for (size_t i = 0; i < count; ++i) lowered_.push_back(lower(i));
  found_ = kernel.local("found", DType::kFloat32, kFewRows);
  of_warps_ =
      kernel.shared("found_of_warps", DType::kFloat32, kMatmulWarps * kFewRows);
}

RowNumbers::Lowered RowNumbers::lower(size_t i) {
  const PrologueForm::Number& from = number(i);
  const MatmulForm& form = parts_.form();
  const Shape& extents = parts_.prologue()->row_extents;
  std::vector<Expr> row = unflatten(
      var(form.m), std::vector<Dim>(extents.begin(), extents.end()));
  row.resize(from.axes.size(), int_literal(0));
  Substitution axes;
  for (size_t d = 0; d < row.size(); ++d) axes[from.axes[d].get()] = row[d];
  if (from.k) axes[from.k.get()] = var(form.k);
  Lowered lowered;
  lowered.value = parts_.kernel().lower(from.value, axes, parts_.ranges());
  if (!from.op) return lowered;
  // As many elements at once as the widest operand has in 16 bytes.
  int64_t widest = 1;
  std::vector<Expr> along;
  for (const Expr& e : loads_of(lowered.value)) {
    auto& load = std::get<Load>(e->node);
    auto affine = affine_in(load.index[0], form.k, parts_.ranges());
    if (!affine || !(affine->stride == 1)) continue;
    widest = std::max<int64_t>(widest, size_of(load.dtype));
    along.push_back(e);
  }
  const int64_t pack = kMove / widest;
  if (!(mod(form.depth, pack) == 0)) return lowered;
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
  return lowered;
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

Stmt RowNumbers::compute() const {
  std::vector<Stmt> stmts;
  std::vector<size_t> waiting;
  for (size_t i = 0; i < lowered_.size(); ++i) {
    if (number(i).op) {
      if (!waiting.empty()) stmts.push_back(for_each_row(waiting));
      waiting.clear();
      stmts.push_back(reduce(i));
    }
    waiting.push_back(i);
  }
  if (!waiting.empty()) stmts.push_back(for_each_row(waiting));
  return block(std::move(stmts));
}

}  // namespace lathe::cuda
