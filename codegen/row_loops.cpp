#include "codegen/index_algebra.h"
#include "codegen/rewrite.h"
#include "codegen/row_lowering.h"
#include "codegen/split_ranges.h"
#include "spec/check.h"

namespace lathe {
namespace {

// Independent accumulators of a vector reduction, to hide add latency.
constexpr int kAccumulators = 4;

}  // namespace

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
  }
  result_.items = rows * parts;
  ranges_.add(item_, result_.items);
  Expr row = cut_ == Cut::kRows ? var(item_) : var(item_) / size_of(parts);
  row_ = decode(row, plan_.rows, ranges_);
  tile_ = simplify(var(item_) % size_of(parts) * int_literal(kTile), ranges_);
}

LoweredGroup RowLowering::run() {
  add_buffers();
  add_locals();
  if (workers_ > 1) share_locals();
  item_ = make_var("item");
  cut_items();
  std::vector<Stmt> first = bounds_of_columns(), body;
  for (size_t p = 0; p < plan_.phases.size(); ++p) {
    body.push_back(lower_phase(p));
  }
  first.insert(first.end(), divisions_.begin(), divisions_.end());
  body.insert(body.begin(), first.begin(), first.end());
  // The next row writes to the arrays that others may still read.
  if (workers_ > 1 && !result_.kernel.locals.empty()) {
    body.push_back(barrier(workers_));
  }
  auto& kernel = result_.kernel;
  kernel.body = for_loop(item_, var(kernel.lo), var(kernel.hi),
                         block(std::move(body)), LoopKind::kItems);
  result_.cost = 0;
  for (size_t s = 0; s < group_.definition.stages.size(); ++s) {
    const Stage& stage = group_.stage(static_cast<int>(s));
    Dim points = numel(stage.shape);
    if (const Reduce* reduce = plan_.forms[s].reduce) {
      for (const ReduceAxis& axis : reduce->axes) points *= axis.extent;
    }
    result_.cost += cost_of(std::get<Compute>(stage.kind).body, points);
  }
  return std::move(result_);
}

void RowLowering::declare_accumulators(size_t p, std::vector<Stmt>& out) {
  for (int s : plan_.phases[p].stages) {
    if (!plan_.accumulates(s)) continue;
    const Reduce& reduce = *plan_.forms[s].reduce;
    NumType type = reduce.body->type;
    Expr start = neutral_of(reduce.op, type);
    bool arg = reduce.op == ReduceOp::kArgMin || reduce.op == ReduceOp::kArgMax;
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

bool RowLowering::all_affine(const std::vector<PointOp>& ops,
                             const Var& flat) const {
  auto affine = [&](const Expr& value) {
    for (const Expr& e : loads_of(value)) {
      if (!affine_in(std::get<Load>(e->node).index[0], flat, ranges_)) {
        return false;
      }
    }
    return true;
  };
  for (const PointOp& op : ops) {
    if (auto* x = std::get_if<PointLet>(&op)) {
      if (!affine(x->value)) return false;
    } else if (auto* y = std::get_if<PointAccumulate>(&op)) {
      if (!affine(y->value)) return false;
    } else if (auto* z = std::get_if<PointArg>(&op)) {
      if (!affine(z->value)) return false;
    } else if (std::holds_alternative<PointStmt>(op)) {
      return false;
    }
  }
  return true;
}

Stmt RowLowering::lower_phase(size_t p) {
  if (cut_ == Cut::kColumns) {
    return workers_ > 1 ? phase_of_lanes(p) : phase_of_columns(p);
  }
  if (workers_ > 1) return phase_of_workers(p);
  if (cut_ == Cut::kPacks) return phase_of_packs(p);
  const Shape& extents = plan_.phases[p].extents;
  std::vector<Stmt> out;
  declare_accumulators(p, out);
  if (extents.empty()) {
    out.push_back(scalar_point(ops_of_phase(p, {})));
    finish_accumulators(p, out);
    return block(std::move(out));
  }
  if (cut_ == Cut::kTiles) return tiled_loops(p);
  Var flat = make_var("i");
  Dim total = numel(extents);
  ranges_.add(flat, total);
  std::vector<PointOp> ops =
      ops_of_phase(p, decode(var(flat), extents, ranges_));
  if (cut_ == Cut::kBlocks) {
    Expr begin = var(item_) * int_literal(kBlock);
    Expr end = min(begin + int_literal(kBlock), size_of(total));
    out.push_back(loop_in_ranges(ops, flat, begin, end, ranges_));
  } else if (extents.size() == 1 || all_affine(ops, flat)) {
    out.push_back(vector_loop(ops, flat, total));
  } else {
    std::vector<Var> loops;
    std::vector<Expr> at;
    for (size_t i = 0; i < extents.size(); ++i) {
      loops.push_back(make_var(cat({"i", i})));
      ranges_.add(loops.back(), extents[i]);
      at.push_back(var(loops.back()));
    }
    Stmt nest = scalar_point(ops_of_phase(p, at));
    for (size_t i = extents.size(); i-- > 0;) {
      nest = for_loop(loops[i], int_literal(0), size_of(extents[i]), nest);
    }
    out.push_back(nest);
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

// The loop over a phase. Maps are left to the compiler; sums and extremes get
// vectors and several accumulators, since it may not reorder them itself.
Stmt RowLowering::vector_loop(const std::vector<PointOp>& ops, const Var& flat,
                              const Dim& extent) {
  std::vector<const PointAccumulate*> sums;
  bool independent = true;
  for (const PointOp& op : ops) {
    if (auto* sum = std::get_if<PointAccumulate>(&op)) sums.push_back(sum);
    independent = independent && (std::holds_alternative<PointLet>(op) ||
                                  std::holds_alternative<PointStore>(op));
  }
  if (independent) {
    return loop_in_ranges(ops, flat, int_literal(0), size_of(extent), ranges_);
  }
  Stmt scalar = for_loop(flat, int_literal(0), size_of(extent),
                         scalar_point(ops), LoopKind::kSerial);
  if (vectors_ == Vectors::kNo || sums.empty()) return scalar;
  NumType type = sums[0]->value->type;
  if (type != NumType::kFloat32 && type != NumType::kFloat64) return scalar;
  int lanes = target_.lanes(type == NumType::kFloat32 ? 4 : 8);
  std::vector<Stmt> out, main;
  std::vector<std::vector<Var>> accumulators(kAccumulators);
  Var i = make_var("i");
  for (int u = 0; u < kAccumulators; ++u) {
    for (const PointAccumulate* sum : sums) {
      std::string name = cat({sum->accumulator->name, "_", u});
      accumulators[u].push_back(make_var(name, type, lanes));
      out.push_back(declare(accumulators[u].back(), neutral_of(sum->op, type)));
    }
    auto points = vector_points(ops, flat, var(i) + int_literal(u * lanes),
                                type, lanes, accumulators[u]);
    if (!points) return scalar;
    main.push_back(block(std::move(*points)));
  }
  Expr step = int_literal(int64_t{kAccumulators} * lanes);
  Expr whole = simplify(size_of(extent) / step * step, ranges_);
  out.push_back(for_loop(i, int_literal(0), whole, block(std::move(main)),
                         LoopKind::kSerial, int64_t{kAccumulators} * lanes));
  for (size_t a = 0; a < sums.size(); ++a) {
    ReduceOp op = sums[a]->op;
    Expr total = var(accumulators[0][a]);
    for (int u = 1; u < kAccumulators; ++u) {
      total = combine(op, total, var(accumulators[u][a]));
    }
    out.push_back(add_lanes(op, sums[a]->accumulator, total));
  }
  if (!same_expr(whole, size_of(extent))) {
    out.push_back(for_loop(flat, whole, size_of(extent), scalar_point(ops)));
  }
  return block(std::move(out));
}

// accumulator = op(accumulator, every lane of `vector`), by way of memory.
Stmt RowLowering::add_lanes(ReduceOp op, const Var& accumulator,
                            const Expr& vector) {
  auto& kernel = result_.kernel;
  int slot = static_cast<int>(kernel.buffers.size() + kernel.locals.size());
  bool single = vector->type == NumType::kFloat32;
  DType dtype = single ? DType::kFloat32 : DType::kFloat64;
  kernel.locals.push_back(
      {cat({"lanes", kernel.locals.size()}), dtype, vector->lanes, 1});
  Var lane = make_var("lane");
  Expr value = flat_load(slot, dtype, var(lane));
  return block(
      {store(slot, ramp(int_literal(0), 1, vector->lanes), vector),
       for_loop(lane, int_literal(0), int_literal(vector->lanes),
                assign(accumulator, combine(op, var(accumulator), value)),
                LoopKind::kUnroll)});
}

}  // namespace lathe
