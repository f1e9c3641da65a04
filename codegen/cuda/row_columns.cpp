// Rows whose elements lie apart in memory, while the rows lie side by side, as
// in row_columns.cpp. A warp takes 32 of these columns, so that what its
// threads read lies together; other warps of the block take other elements of
// the same columns, and what a reduction found in each is combined by way of
// shared memory, so that every warp knows it.

#include "codegen/rewrite.h"
#include "codegen/row_lowering.h"
#include "spec/text.h"

namespace lathe {

// Threads past the last column do the work of the last one, and store nothing.
void RowLowering::add_lane(std::vector<Stmt>& out) {
  lane_ = make_var("lane");
  active_ = make_var("active", NumType::kBool);
  strip_ = make_var("strip");
  out.push_back(let(lane_, var(result_.kernel.worker) % int_literal(width_)));
  out.push_back(let(active_, var(first_) + var(lane_) < size_of(columns_)));
  out.push_back(let(column_, min(var(first_) + var(lane_),
                                 size_of(columns_) - int_literal(1))));
  out.push_back(let(strip_, var(result_.kernel.worker) / int_literal(width_)));
}

Stmt RowLowering::phase_of_lanes(size_t p) {
  const Shape& extents = plan_.phases[p].extents;
  std::vector<Stmt> out;
  if (keeps_before(p)) out.push_back(barrier(workers_));
  if (extents.empty()) {
    phase_without_loops(p, out);
    return block(std::move(out));
  }
  declare_accumulators(p, out);
  Var flat = make_var("i");
  const Dim total = numel(extents);
  ranges_.add(flat, total);
  std::vector<PointOp> ops =
      ops_of_phase(p, decode(var(flat), extents, ranges_));
  Stmt point = guarded(ops, var(active_));
  out.push_back(for_loop(flat, var(strip_), size_of(total), point,
                         LoopKind::kSerial, workers_ / width_));
  if (workers_ > width_) out.push_back(join_strips(p));
  finish_accumulators(p, out);
  return block(std::move(out));
}

// Every thread combines what the warps found in its column, in one order.
Stmt RowLowering::join_strips(size_t p) {
  auto& kernel = result_.kernel;
  std::vector<Stmt> stores, reads;
  const auto shared = [&](const Var& v) {
    LocalArray array{cat({"strips_", v->name}), storage_type(v->type), workers_,
                     1};
    array.shared = true;
    const int slot = kernel.add_local(array);
    stores.push_back(store(slot, var(kernel.worker), var(v)));
    reads.push_back(assign(v, flat_load(slot, array.dtype, var(lane_))));
    return slot;
  };
  Var k = make_var("k");
  const Expr other = var(k) * int_literal(width_) + var(lane_);
  std::vector<Stmt> joins;
  for (int s : plan_.phases[p].stages) {
    if (!plan_.accumulates(s)) continue;
    const ReduceOp op = plan_.forms[s].reduce->op;
    const Var& total = accumulator_[s];
    const int slot = shared(total);
    const Expr next = flat_load(slot, kernel.dtype_of(slot), other);
    if (!best_[s]) {
      joins.push_back(assign(total, combine(op, var(total), next)));
      continue;
    }
    const int extremes = shared(best_[s]);
    const Expr best = flat_load(extremes, kernel.dtype_of(extremes), other);
    const Expr worse =
        call(ScalarOp::kNot, {replaces(op, var(best_[s]), best)});
    const Expr take =
        replaces(op, best, var(best_[s])) || (worse && next < var(total));
    joins.push_back(
        if_then(take, block({assign(best_[s], best), assign(total, next)})));
  }
  if (joins.empty()) return block({});
  std::vector<Stmt> out = std::move(stores);
  out.push_back(barrier(workers_));
  for (Stmt& read : reads) out.push_back(std::move(read));
  out.push_back(for_loop(k, int_literal(1), int_literal(workers_ / width_),
                         block(std::move(joins)), LoopKind::kUnroll));
  return block(std::move(out));
}

}  // namespace lathe
