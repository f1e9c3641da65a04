// A row shared by the threads of a warp or a block. Each takes every W-th
// point of a phase's loop; what a reduction found in each is combined, so that
// all of them know it; and they meet before a phase that reads what others
// have kept.

#include "codegen/rewrite.h"
#include "codegen/row_lowering.h"

namespace lathe {

RowLowering& RowLowering::with_workers(int workers) {
  workers_ = workers;
  if (workers > 1) result_.kernel.worker = make_var("worker");
  result_.kernel.workers = workers;
  return *this;
}

void RowLowering::share_locals() {
  for (LocalArray& local : result_.kernel.locals) local.shared = true;
}

bool RowLowering::keeps_before(size_t p) const {
  for (size_t q = 0; q < p; ++q) {
    for (int s : plan_.phases[q].stages) {
      Keep keep = plan_.keep[s];
      if (keep == Keep::kLocal || keep == Keep::kOutput ||
          keep == Keep::kLent) {
        return true;
      }
    }
  }
  return false;
}

// The operations, of which every worker knows the values and one stores them.
Stmt RowLowering::once(const std::vector<PointOp>& ops) const {
  if (cut_ == Cut::kColumns) {
    return guarded(ops, var(active_) && equal(var(strip_), int_literal(0)));
  }
  return guarded(ops, equal(var(result_.kernel.worker), int_literal(0)));
}

Stmt RowLowering::guarded(const std::vector<PointOp>& ops,
                          const Expr& condition) const {
  std::vector<PointOp> out;
  for (const PointOp& op : ops) {
    auto* x = std::get_if<PointStore>(&op);
    if (x) {
      out.push_back(
          PointStmt{if_then(condition, store(x->slot, x->index, x->value))});
    } else {
      out.push_back(op);
    }
  }
  return scalar_point(out);
}

Stmt RowLowering::phase_of_workers(size_t p) {
  const Shape& extents = plan_.phases[p].extents;
  std::vector<Stmt> out;
  if (keeps_before(p)) out.push_back(barrier(workers_));
  if (extents.empty()) {
    phase_without_loops(p, out);
    return block(std::move(out));
  }
  declare_accumulators(p, out);
  out.push_back(loop_of_workers(p, all_of(numel(extents))));
  finish_accumulators(p, out);
  return block(std::move(out));
}

// Every thread knows what all have found.
Stmt RowLowering::loop_of_workers(size_t p, const Span& span) {
  const Shape& extents = plan_.phases[p].extents;
  std::vector<Stmt> out;
  Var flat = make_var("i");
  Dim total = numel(extents);
  ranges_.add(flat, total);
  std::vector<PointOp> ops =
      ops_of_phase(p, decode(var(flat), extents, ranges_));
  std::optional<Stmt> packs = loop_over_packs(ops, flat, total, span);
  const Expr first = simplify(span.begin + var(result_.kernel.worker), ranges_);
  out.push_back(packs ? *packs
                      : for_loop(flat, first, span.end, scalar_point(ops),
                                 LoopKind::kSerial, workers_));
  combine_found(p, out);
  return block(std::move(out));
}

void RowLowering::combine_found(size_t p, std::vector<Stmt>& out) const {
  for (int s : plan_.phases[p].stages) {
    if (!plan_.accumulates(s)) continue;
    ReduceOp op = plan_.forms[s].reduce->op;
    out.push_back(best_[s] ? combine_workers(op, best_[s], accumulator_[s])
                           : combine_workers(op, accumulator_[s]));
  }
}

}  // namespace lathe
