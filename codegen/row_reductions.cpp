// Nests of loops around the points of a row. The innermost loop runs over as
// many of the last axes as lie together in memory; sums and extremes in it get
// vectors, since the compiler may not reorder them itself:
//
//   acc_0 .. acc_3   four vectors of partial results, to hide add latency
//   acc_strip[32]    where a value has no vector form of ours (a choice by
//                    bools, a conversion): partial results in an array, and a
//                    loop over them that the compiler can vectorise
//
// Results of a reduction that lie side by side, as those of a weighted sum of
// vectors, step together through its loops instead, see spread_phase().

#include <algorithm>

#include "codegen/index_algebra.h"
#include "codegen/rewrite.h"
#include "codegen/row_lowering.h"
#include "codegen/split_ranges.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Independent accumulators of a vector reduction.
constexpr int kAccumulators = 4;
// Partial results in an array: a few vectors on every machine.
constexpr int64_t kStrip = 32;

// So many accumulators that a row of known length is done soonest; 0: it is no
// longer than a vector. In cycles: an addition takes four, and one that waits
// for no other a fraction.
int accumulators_for(const Dim& extent, int lanes) {
  if (!extent.is_static()) return kAccumulators;
  constexpr int64_t kLatency = 4;
  int best = 0;
  int64_t least = 0;
  for (int count = kAccumulators; count > 0; count /= 2) {
    const int64_t step = int64_t{count} * lanes;
    const int64_t turns = extent.value() / step;
    const int64_t cycles = (turns + extent.value() % step) * kLatency + count;
    if (turns == 0 || (best > 0 && cycles >= least)) continue;
    best = count;
    least = cycles;
  }
  return best;
}

// Values that an op computes; none of a statement.
std::optional<Expr> value_of(const PointOp& op) {
  return std::visit(
      [](const auto& x) -> std::optional<Expr> {
        if constexpr (std::is_same_v<std::decay_t<decltype(x)>, PointStmt>) {
          return std::nullopt;
        } else {
          return x.value;
        }
      },
      op);
}

std::vector<const PointAccumulate*> sums_of(const std::vector<PointOp>& ops) {
  std::vector<const PointAccumulate*> sums;
  for (const PointOp& op : ops) {
    if (auto* sum = std::get_if<PointAccumulate>(&op)) sums.push_back(sum);
  }
  return sums;
}

// Whether points may be taken in any order, but for what they accumulate.
bool independent(const std::vector<PointOp>& ops) {
  return std::all_of(ops.begin(), ops.end(), [](const PointOp& op) {
    const std::optional<Expr> value = value_of(op);
    return value && !std::holds_alternative<PointArg>(op) &&
           !contains<CheckedIndex>(*value);
  });
}

std::set<const VarInfo*> infos_of(const std::vector<Var>& vars) {
  std::set<const VarInfo*> infos;
  for (const Var& v : vars) infos.insert(v.get());
  return infos;
}

// `value` with what it computes of floats without the variables `own` bound to
// names, in front of the loops over these.
Expr bind_shared(const Expr& value, const std::set<const VarInfo*>& own,
                 std::vector<Stmt>& bound) {
  if (!std::holds_alternative<Call>(value->node)) return value;
  const auto used = free_vars(value);
  const bool shared = std::none_of(own.begin(), own.end(),
                                   [&](auto* v) { return used.count(v) > 0; });
  if (shared && is_float(value->type)) {
    Var v = make_var("w", value->type);
    bound.push_back(let(v, value));
    return var(v);
  }
  std::vector<Expr> children = children_of(value);
  for (Expr& child : children) child = bind_shared(child, own, bound);
  return with_children(value, std::move(children));
}

}  // namespace

bool RowLowering::all_affine(const std::vector<PointOp>& ops,
                             const Var& flat) const {
  for (const PointOp& op : ops) {
    const std::optional<Expr> value = value_of(op);
    if (!value) return false;
    for (const Expr& e : loads_of(*value)) {
      if (!affine_in(std::get<Load>(e->node).index[0], flat, ranges_)) {
        return false;
      }
    }
    auto* stored = std::get_if<PointStore>(&op);
    if (stored && !affine_in(stored->index, flat, ranges_)) return false;
  }
  return true;
}

Stmt RowLowering::nest_over(const Shape& extents, const std::string& name,
                            const OpsAt& ops_at) {
  if (extents.empty()) return scalar_point(ops_at({}));
  const auto hoisted = std::tuple(hoisted_, divisions_, divided_);
  for (size_t first = 0;; ++first) {
    std::tie(hoisted_, divisions_, divided_) = hoisted;
    const auto middle = extents.begin() + static_cast<int64_t>(first);
    const Nest outer = nest_of(Shape(extents.begin(), middle), name, ranges_);
    const Shape inner(middle, extents.end());
    std::vector<Expr> at = outer.at;
    Var flat = make_var(name);
    ranges_.add(flat, numel(inner));
    for (const Expr& index : decode(var(flat), inner, ranges_)) {
      at.push_back(index);
    }
    const std::vector<PointOp> ops = ops_at(at);
    if (ops.empty()) return block({});
    if (inner.size() > 1 && !all_affine(ops, flat)) continue;
    InnerLoop loop = inner_loop(ops, flat, all_of(numel(inner)));
    std::vector<Stmt> out = std::move(loop.before);
    out.push_back(outer.around(block(std::move(loop.inside))));
    out.insert(out.end(), loop.after.begin(), loop.after.end());
    return block(std::move(out));
  }
}

// Maps are left to the compiler. Where the loop does not begin at 0 it begins at
// a multiple of all steps.
RowLowering::InnerLoop RowLowering::inner_loop(const std::vector<PointOp>& ops,
                                               const Var& flat,
                                               const Span& span) {
  const bool reduces = std::any_of(ops.begin(), ops.end(), [](const auto& op) {
    return !std::holds_alternative<PointLet>(op) &&
           !std::holds_alternative<PointStore>(op);
  });
  if (!reduces) {
    return {{},
            {loop_in_ranges(ops, flat, span.begin, span.end, ranges_)},
            {}};
  }
  if (vectors_ == Vectors::kYes) {
    if (auto loop = in_vectors(ops, flat, span)) return *loop;
    if (auto loop = in_strips(ops, flat, span)) return *loop;
  }
  return {{}, {for_loop(flat, span.begin, span.end, scalar_point(ops))}, {}};
}

std::optional<RowLowering::InnerLoop> RowLowering::in_vectors(
    const std::vector<PointOp>& ops, const Var& flat, const Span& span) {
  const std::vector<const PointAccumulate*> sums = sums_of(ops);
  if (sums.empty()) return std::nullopt;
  NumType type = sums[0]->value->type;
  if (type != NumType::kFloat32 && type != NumType::kFloat64) {
    return std::nullopt;
  }
  const int lanes = target_.lanes(type == NumType::kFloat32 ? 4 : 8);
  const int count = accumulators_for(span.length, lanes);
  if (count == 0) return std::nullopt;
  InnerLoop out;
  std::vector<Stmt> main;
  std::vector<std::vector<Var>> accumulators(static_cast<size_t>(count));
  Var i = make_var(flat->name);
  for (int u = 0; u < count; ++u) {
    std::vector<Var>& own = accumulators[static_cast<size_t>(u)];
    for (const PointAccumulate* sum : sums) {
      own.push_back(
          make_var(cat({sum->accumulator->name, "_", u}), type, lanes));
      out.before.push_back(declare(own.back(), neutral_of(sum->op, type)));
    }
    auto points = vector_points(ops, flat, var(i) + int_literal(u * lanes),
                                type, lanes, own);
    if (!points) return std::nullopt;
    main.push_back(block(std::move(*points)));
  }
  const int64_t step = int64_t{count} * lanes;
  Expr whole =
      simplify(span.end / int_literal(step) * int_literal(step), ranges_);
  out.inside.push_back(for_loop(i, span.begin, whole,
                                block(std::move(main)), LoopKind::kSerial,
                                step));
  for (size_t a = 0; a < sums.size(); ++a) {
    ReduceOp op = sums[a]->op;
    Expr total = var(accumulators[0][a]);
    for (size_t u = 1; u < accumulators.size(); ++u) {
      total = combine(op, total, var(accumulators[u][a]));
    }
    out.after.push_back(add_lanes(op, sums[a]->accumulator, total));
  }
  if (!same_expr(whole, span.end)) {
    out.inside.push_back(for_loop(flat, whole, span.end, scalar_point(ops)));
  }
  return out;
}

// Sums of integers are left to the compiler, too, which may reorder them.
std::optional<RowLowering::InnerLoop> RowLowering::in_strips(
    const std::vector<PointOp>& ops, const Var& flat, const Span& span) {
  if (span.length.is_static() && span.length.value() < kStrip) {
    return std::nullopt;
  }
  const std::vector<const PointAccumulate*> sums = sums_of(ops);
  const bool reorders = std::any_of(
      sums.begin(), sums.end(),
      [](const PointAccumulate* sum) { return is_float(sum->value->type); });
  if (!reorders || !independent(ops)) return std::nullopt;
  InnerLoop out;
  Var lane = make_var("lane"), strip = make_var(cat({"strip_", flat->name}));
  const auto over_lanes = [&](const Stmt& body) {
    return for_loop(lane, int_literal(0), int_literal(kStrip), body);
  };
  for (const PointAccumulate* sum : sums) {
    const NumType type = sum->value->type;
    const int slot =
        add_array(cat({sum->accumulator->name, "_strip"}), type, kStrip);
    array_of_[sum->accumulator.get()] = slot;
    out.before.push_back(
        over_lanes(store(slot, var(lane), neutral_of(sum->op, type))));
    Expr total = combine(sum->op, var(sum->accumulator),
                         element_of(slot, var(lane)));
    out.after.push_back(over_lanes(assign(sum->accumulator, total)));
  }
  Expr whole =
      simplify(span.end / int_literal(kStrip) * int_literal(kStrip), ranges_);
  Stmt points = for_loop(flat, var(strip), var(strip) + int_literal(kStrip),
                         scalar_point(in_arrays(ops, var(flat) - var(strip))),
                         LoopKind::kVector);
  out.inside.push_back(for_loop(strip, span.begin, whole, points,
                                LoopKind::kSerial, kStrip));
  if (!same_expr(whole, span.end)) {
    out.inside.push_back(for_loop(flat, whole, span.end, scalar_point(ops)));
  }
  return out;
}

// accumulator = op(accumulator, every lane of `vector`), by way of memory.
Stmt RowLowering::add_lanes(ReduceOp op, const Var& accumulator,
                            const Expr& vector) {
  const int slot = add_array(cat({"lanes", result_.kernel.locals.size()}),
                             vector->type, vector->lanes);
  Var lane = make_var("lane");
  Expr value = element_of(slot, var(lane));
  return block(
      {store(slot, ramp(int_literal(0), 1, vector->lanes), vector),
       for_loop(lane, int_literal(0), int_literal(vector->lanes),
                assign(accumulator, combine(op, var(accumulator), value)),
                LoopKind::kUnroll)});
}

// The one stage of the phase has a result for each point, and these lie side by
// side in what it reads: an array holds the accumulators of all points.
//
//   for k:  for i:  acc[i] += x[k, i] * w[k]
Stmt RowLowering::spread_phase(size_t p) {
  const int s = plan_.phases[p].stages[0];
  const Shape& extents = plan_.phases[p].extents;
  const Reduce& reduce = *plan_.forms[size_t(s)].reduce;
  const NumType type = reduce.body->type;
  const int slot =
      add_array(cat({"acc", s}), type, numel(extents).value());
  const auto place = [&](const std::vector<Expr>& at) {
    return flat_index(at, extents, ranges_);
  };
  Stmt start = nest_over(extents, "i", [&](const std::vector<Expr>& at) {
    return std::vector<PointOp>{
        PointStore{slot, place(at), neutral_of(reduce.op, type)}};
  });
  const Stage& stage = group_.stage(s);
  Substitution point;
  const Nest reduced = nest_of(reduced_extents(s), "k", ranges_);
  bind_reduced(s, reduced.at, point);
  const Nest own = nest_of(extents, "own", ranges_);
  const std::vector<Expr> index = index_at(s, own.at);
  for (size_t i = 0; i < index.size(); ++i) {
    point[stage.axes[i].get()] = index[i];
  }
  std::vector<Stmt> once;
  const Expr value =
      bind_shared(lower(s, reduce.body, point),
                  infos_of(own.loops), once);
  Stmt step = nest_over(extents, "i", [&](const std::vector<Expr>& at) {
    Substitution here;
    for (size_t i = 0; i < at.size(); ++i) here[own.loops[i].get()] = at[i];
    Expr total = combine(reduce.op, element_of(slot, place(at)),
                         simplify(substitute(value, here), ranges_));
    std::vector<PointOp> ops = {PointStore{slot, place(at), total}};
    hoist(ops[0]);
    return ops;
  });
  once.push_back(step);
  step = reduced.around(block(std::move(once)));
  Stmt end = nest_over(extents, "i", [&](const std::vector<Expr>& at) {
    std::vector<PointOp> ops;
    add_value(s, element_of(slot, place(at)), ops);
    add_stores(s, at, p, ops);
    return ops;
  });
  return block({start, step, end});
}

}  // namespace lathe
