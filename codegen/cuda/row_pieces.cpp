// A piece of a row for a block. The block that ends last among those of a row
// joins what they found: its threads take pieces in turn, so that what is
// combined with what depends on sizes alone.

#include "codegen/row_pieces.h"

#include "codegen/cuda/item_index.h"
#include "codegen/row_lowering.h"

namespace lathe {
namespace {

// A row has so many pieces at most, but for the last of the longest: they are
// joined by one block.
constexpr int64_t kMostPieces = 1024;

// Elements of a piece.
Dim piece_of(const Dim& points) {
  return Dim(kGpuPiece) *
         max(Dim(1), ceildiv(points, Dim(kGpuPiece * kMostPieces)));
}

}  // namespace

Expr RowLowering::index_of_item() const {
  return target_.gpu ? cuda::item_index(var(item_)) : var(item_);
}

Stmt RowLowering::piece_of_workers(size_t p) {
  const Dim points = numel(plan_.phases[p].extents);
  const Dim size = piece_of(points);
  handover_->pieces[p] = ceildiv(points, size);
  ranges_.add(piece_, handover_->pieces[p]);
  std::vector<Stmt> out;
  declare_accumulators(p, out);
  const Expr begin = simplify(var(piece_) * size_of(size), ranges_);
  Var end = make_var("end");
  out.push_back(let(end, min(begin + size_of(size), size_of(points))));
  out.push_back(loop_of_workers(p, {begin, var(end), size}));
  if (part_.joined >= 0) out.push_back(join_in_last_block(p));
  return block(std::move(out));
}

Stmt RowLowering::join_in_last_block(size_t p) {
  auto& kernel = result_.kernel;
  LocalArray before{"blocks_before", DType::kInt32, 1, 1};
  before.shared = true;
  const int before_slot = kernel.add_local(before);
  const Expr is_first_thread = equal(var(kernel.worker), int_literal(0));
  const Expr ended = flat_load(before_slot, DType::kInt32, int_literal(0));
  std::vector<Stmt> join = {
      if_then(is_first_thread, store(counts_, row_number(), int_literal(0)))};
  for (int s : plan_.phases[p].stages) {
    if (!plan_.accumulates(s)) continue;
    const Reduce& reduce = *plan_.forms[size_t(s)].reduce;
    const Expr neutral = neutral_of(reduce.op, reduce.body->type);
    const bool arg = is_arg(reduce.op);
    join.push_back(
        assign(accumulator_[size_t(s)], arg ? int_literal(0) : neutral));
    if (arg) join.push_back(assign(best_[size_t(s)], neutral));
  }
  join.push_back(join_found(p, var(kernel.worker), workers_));
  combine_found(p, join);
  finish_part(join);
  std::vector<Stmt> out;
  // All have stored what phases behind the join may read.
  const auto& stages = plan_.phases[p].stages;
  const bool stores = std::any_of(stages.begin(), stages.end(), [&](int s) {
    return !plan_.accumulates(s) && plan_.keep[size_t(s)] != Keep::kScalar;
  });
  if (stores) out.push_back(barrier(workers_));
  out.push_back(if_then(
      is_first_thread,
      block({store_found(p),
             intrinsic(IntrinsicOp::kCountBlock, {{before_slot, int_literal(0)},
                                                  {counts_, row_number()}})})));
  out.push_back(barrier(workers_));
  const Expr last = size_of(handover_->pieces[p]) - int_literal(1);
  out.push_back(if_then(equal(ended, last), block(std::move(join))));
  return block(std::move(out));
}

}  // namespace lathe
