#include "codegen/index_algebra.h"
#include "codegen/rewrite.h"
#include "codegen/row_lowering.h"
#include "codegen/split_ranges.h"
#include "spec/check.h"

namespace lathe {

std::vector<Expr> decode(const Expr& flat, const Shape& extents,
                         const Ranges& ranges) {
  std::vector<Expr> index(extents.size());
  Dim inner = 1;
  for (size_t i = extents.size(); i-- > 0;) {
    Expr quotient = flat / size_of(inner);
    index[i] =
        simplify(i == 0 ? quotient : quotient % size_of(extents[i]), ranges);
    inner *= extents[i];
  }
  return index;
}

Stmt Nest::around(Stmt body) const {
  for (size_t i = loops.size(); i-- > 0;) {
    body = for_loop(loops[i], int_literal(0), size_of(extents[i]), body);
  }
  return body;
}

Nest nest_of(const Shape& extents, const std::string& name, Ranges& ranges) {
  Nest nest{extents, {}, {}};
  for (const Dim& extent : extents) {
    nest.loops.push_back(make_var(cat({name, nest.loops.size()})));
    ranges.add(nest.loops.back(), extent);
    nest.at.push_back(var(nest.loops.back()));
  }
  return nest;
}

void RowLowering::cut_items() {
  Dim rows = numel(plan_.rows);
  Dim parts = 1;
  if (cut_ == Cut::kBlocks) {
    parts = ceildiv(numel(plan_.phases[0].extents), kBlock);
  } else if (cut_ == Cut::kTiles) {
    parts = ceildiv(plan_.phases[0].extents[0], kTile);
  } else if (cut_ == Cut::kPacks) {
    parts = ceildiv(numel(plan_.phases[0].extents), pack_);
  } else if (cut_ == Cut::kColumns) {
    cut_columns();
    return;
  } else if (cut_ == Cut::kPieces) {
    cut_pieces();
    return;
  }
  result_.items = rows * parts;
  ranges_.add(item_, result_.items);
  Expr row = cut_ == Cut::kRows ? var(item_) : var(item_) / size_of(parts);
  row_ = decode(row, plan_.rows, ranges_);
  tile_ = simplify(var(item_) % size_of(parts) * int_literal(kTile), ranges_);
}

LoweredGroup RowLowering::run() {
  add_buffers();
  if (cut_ == Cut::kPieces) bind_handover();
  add_locals();
  if (workers_ > 1) share_locals();
  item_ = make_var("item");
  cut_items();
  std::vector<Stmt> first = bounds_of_columns(), body;
  if (cut_ == Cut::kPieces) {
    body = body_of_part(first);
  } else {
    for (size_t p = 0; p < plan_.phases.size(); ++p) {
      body.push_back(lower_phase(p));
    }
  }
  first.insert(first.end(), divisions_.begin(), divisions_.end());
  body.insert(body.begin(), first.begin(), first.end());
  // The next row writes to the arrays that others may still read.
  auto& kernel = result_.kernel;
  if (std::any_of(kernel.locals.begin(), kernel.locals.end(),
                  [](const LocalArray& local) { return local.shared; })) {
    body.push_back(barrier(workers_));
  }
  kernel.body = for_loop(item_, var(kernel.lo), var(kernel.hi),
                         block(std::move(body)), LoopKind::kItems);
  result_.cost = 0;
  if (cut_ == Cut::kPieces) {
    result_.cost = cost_of_part();
  } else {
    for (size_t s = 0; s < plan_.forms.size(); ++s) {
      result_.cost += cost_of_stage(static_cast<int>(s));
    }
  }
  return std::move(result_);
}

Dim RowLowering::cost_of_stage(int s) const {
  const Stage& stage = group_.stage(s);
  Dim points = numel(stage.shape);
  if (const Reduce* reduce = plan_.forms[size_t(s)].reduce) {
    for (const ReduceAxis& axis : reduce->axes) points *= axis.extent;
  }
  return cost_of(body_of(stage), points);
}

void RowLowering::declare_accumulators(size_t p, std::vector<Stmt>& out) {
  for (int s : plan_.phases[p].stages) {
    if (!plan_.accumulates(s)) continue;
    const Reduce& reduce = *plan_.forms[s].reduce;
    NumType type = reduce.body->type;
    Expr start = neutral_of(reduce.op, type);
    bool arg = is_arg(reduce.op);
    accumulator_[s] = make_var(cat({"acc", s}), arg ? NumType::kInt64 : type);
    out.push_back(declare(accumulator_[s], arg ? int_literal(0) : start));
    if (!arg) continue;
    best_[s] = make_var(cat({"best", s}), type);
    out.push_back(declare(best_[s], start));
  }
}

void RowLowering::finish_accumulators(size_t p, std::vector<Stmt>& out) {
  for (int s : plan_.phases[p].stages) {
    if (!plan_.accumulates(s)) continue;
    std::vector<PointOp> ops;
    add_value(s, var(accumulator_[s]), ops);
    if (int slot = output_slot(s); slot >= 0) {
      ops.push_back(PointStore{slot, address(s, index_at(s, {})), value_[s]});
    }
    out.push_back(workers_ > 1 ? once(ops) : scalar_point(ops));
  }
}

void RowLowering::phase_without_loops(size_t p, std::vector<Stmt>& out) {
  declare_accumulators(p, out);
  const std::vector<PointOp> ops = ops_of_phase(p, {});
  out.push_back(workers_ > 1 ? once(ops) : scalar_point(ops));
  finish_accumulators(p, out);
}

Stmt RowLowering::lower_phase(size_t p) {
  if (cut_ == Cut::kColumns) {
    return workers_ > 1 ? phase_of_lanes(p) : phase_of_columns(p);
  }
  if (workers_ > 1) return phase_of_workers(p);
  if (cut_ == Cut::kPacks) return phase_of_packs(p);
  const Shape& extents = plan_.phases[p].extents;
  std::vector<Stmt> out;
  if (extents.empty()) {
    phase_without_loops(p, out);
    return block(std::move(out));
  }
  declare_accumulators(p, out);
  if (cut_ == Cut::kTiles) return tiled_loops(p);
  if (plan_.spread[size_t(plan_.phases[p].stages[0])]) return spread_phase(p);
  if (cut_ == Cut::kBlocks) {
    Var flat = make_var("i");
    Dim total = numel(extents);
    ranges_.add(flat, total);
    std::vector<PointOp> ops =
        ops_of_phase(p, decode(var(flat), extents, ranges_));
    Expr begin = var(item_) * int_literal(kBlock);
    Expr end = min(begin + int_literal(kBlock), size_of(total));
    out.push_back(loop_in_ranges(ops, flat, begin, end, ranges_));
  } else {
    out.push_back(nest_over(extents, "i", [&](const std::vector<Expr>& at) {
      return ops_of_phase(p, at);
    }));
  }
  finish_accumulators(p, out);
  return block(std::move(out));
}

Stmt RowLowering::tiled_loops(size_t p) {
  const Shape& extents = plan_.phases[p].extents;
  Var a = make_var("i0"), b = make_var("i1");
  ranges_.add(a, extents[0]);
  ranges_.add(b, extents[1]);
  Expr end = min(tile_ + int_literal(kTile), size_of(extents[0]));
  std::vector<Expr> at = {var(a), var(b)};
  const bool behind = extents.size() == 3;
  Var c = make_var("i2");
  if (behind) {
    ranges_.add(c, extents[2]);
    at.push_back(var(c));
  }
  Stmt point = scalar_point(ops_of_phase(p, at));
  if (behind) {
    point = for_loop(c, int_literal(0), size_of(extents[2]), point,
                     LoopKind::kUnroll);
  }
  Stmt inner = for_loop(a, tile_, simplify(end, ranges_), point,
                        behind ? LoopKind::kSerial : LoopKind::kVector);
  return for_loop(b, int_literal(0), size_of(extents[1]), inner);
}

}  // namespace lathe
