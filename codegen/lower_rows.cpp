#include "codegen/lower_rows.h"

#include <algorithm>

#include "codegen/index_algebra.h"
#include "codegen/point_ops.h"
#include "codegen/rewrite.h"
#include "codegen/row_plan.h"
#include "codegen/simplify.h"
#include "spec/check.h"

namespace lathe {
namespace {

// Elements of an elementwise group in one work item.
constexpr int64_t kBlock = 4096;
// Independent accumulators of a vector reduction, to hide add latency.
constexpr int kAccumulators = 4;

const Expr& body_of(const Stage& stage) {
  return std::get<Compute>(stage.kind).body;
}

// Indices of axes with these extents, from one flat number.
std::vector<Expr> decode(const Expr& flat, const Shape& extents,
                         const Ranges& ranges) {
  std::vector<Expr> index(extents.size());
  Dim inner = 1;
  for (size_t i = extents.size(); i-- > 0;) {
    Expr quotient = flat / size_of(inner);
    index[i] = simplify(i == 0 ? quotient : quotient % size_of(extents[i]),
                        ranges);
    inner *= extents[i];
  }
  return index;
}

// Maps over one domain that read each other at the same point only: any axis
// may become a work item.
bool is_pointwise(const Group& group) {
  const Shape& shape = group.stage(0).shape;
  return group.row_axes == static_cast<int>(shape.size()) &&
         std::all_of(group.definition.stages.begin(),
                     group.definition.stages.end(), [&](const Stage& stage) {
                       bool reduces = std::holds_alternative<Reduce>(
                           body_of(stage)->node);
                       return !reduces && stage.shape == shape;
                     });
}

class RowLowering {
 public:
  RowLowering(const Group& group, const Target& target, Vectors vectors,
              int row_axes, bool blocked)
      : group_(group),
        target_(target),
        vectors_(vectors),
        blocked_(blocked),
        plan_(plan_rows(group, row_axes)) {}

  LoweredGroup run();

 private:
  void add_buffers();
  void add_locals();
  Stmt lower_phase(size_t p);
  std::vector<PointOp> ops_of_phase(size_t p, const std::vector<Expr>& at);
  void add_map(int s, const std::vector<Expr>& at, std::vector<PointOp>& ops);
  void add_accumulation(int s, const std::vector<Expr>& at,
                        std::vector<PointOp>& ops);
  void add_nested(int s, const std::vector<Expr>& at,
                  std::vector<PointOp>& ops);
  void add_value(int s, const Expr& value, std::vector<PointOp>& ops);
  std::vector<Expr> index_at(int s, const std::vector<Expr>& at) const;
  Expr lower(int s, const Expr& expr, const Substitution& point);
  Expr recomputed(int s, const Expr& expr) const;
  Expr read(int s, const Load& load);
  bool all_affine(const std::vector<PointOp>& ops, const Var& flat) const;
  Stmt vector_loop(const std::vector<PointOp>& ops, const Var& flat,
                   const Dim& extent);
  void declare_accumulators(size_t p, std::vector<Stmt>& out);
  void finish_accumulators(size_t p, std::vector<Stmt>& out);
  int output_slot(int s) const;

  const Group& group_;
  const Target& target_;
  Vectors vectors_;
  bool blocked_;
  RowPlan plan_;
  LoweredGroup result_;
  Ranges ranges_;
  std::vector<Expr> row_;  // row indices, over the item
  Var item_;
  // By stage: the scalar or the value at the current point; accumulators.
  std::vector<Expr> value_;
  std::vector<Var> accumulator_, best_;
  std::vector<int> local_slot_;
};

int RowLowering::output_slot(int s) const {
  const auto& outputs = group_.definition.outputs;
  auto found = std::find(outputs.begin(), outputs.end(), s);
  if (found == outputs.end()) return -1;
  return group_.definition.inputs + static_cast<int>(found - outputs.begin());
}

void RowLowering::add_buffers() {
  auto& kernel = result_.kernel;
  for (size_t i = 0; i < group_.operands.size(); ++i) {
    kernel.buffers.push_back({cat({"in", i}), group_.operands[i].dtype, false});
    result_.bindings.push_back({BufferSource::kOperand, static_cast<int>(i)});
  }
  for (size_t i = 0; i < group_.definition.outputs.size(); ++i) {
    const Stage& stage = group_.stage(group_.definition.outputs[i]);
    kernel.buffers.push_back({cat({"out", i}), stage.dtype, true});
    result_.bindings.push_back({BufferSource::kOutput, static_cast<int>(i)});
  }
  kernel.symbols = group_.symbols;
  kernel.lo = make_var("lo");
  kernel.hi = make_var("hi");
}

void RowLowering::add_locals() {
  auto& kernel = result_.kernel;
  size_t stages = group_.definition.stages.size();
  value_.resize(stages);
  accumulator_.resize(stages);
  best_.resize(stages);
  local_slot_.assign(stages, -1);
  for (size_t s = 0; s < stages; ++s) {
    if (plan_.keep[s] != Keep::kLocal) continue;
    int64_t size = 1;
    for (int axis : plan_.forms[s].own) {
      size *= group_.stage(static_cast<int>(s)).shape[axis].value();
    }
    local_slot_[s] = static_cast<int>(kernel.buffers.size() +
                                      kernel.locals.size());
    kernel.locals.push_back({cat({"row", s}),
                             group_.stage(static_cast<int>(s)).dtype, size,
                             1});
  }
}

LoweredGroup RowLowering::run() {
  add_buffers();
  add_locals();
  item_ = make_var("item");
  Dim rows = numel(plan_.rows);
  Dim elements = blocked_ ? numel(plan_.phases[0].extents) : Dim(0);
  result_.items = blocked_ ? ceildiv(elements, kBlock) : rows;
  ranges_.add(item_, result_.items);
  row_ = decode(var(item_), plan_.rows, ranges_);
  std::vector<Stmt> body;
  for (size_t p = 0; p < plan_.phases.size(); ++p) {
    body.push_back(lower_phase(p));
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
    result_.cost += cost_of(body_of(stage), points);
  }
  return std::move(result_);
}

// The index of stage s at a point of its own phase.
std::vector<Expr> RowLowering::index_at(int s,
                                        const std::vector<Expr>& at) const {
  const Stage& stage = group_.stage(s);
  std::vector<Expr> index(stage.shape.size(), int_literal(0));
  for (int i = 0; i < plan_.row_axes; ++i) index[i] = row_[i];
  if (plan_.accumulates(s)) return index;
  for (size_t i = 0; i < at.size(); ++i) index[plan_.forms[s].own[i]] = at[i];
  return index;
}

// Values that are computed again stand in their readers' bodies.
Expr RowLowering::recomputed(int s, const Expr& expr) const {
  Rewriter rewrite([&](const Expr& e) -> Expr {
    auto* node = std::get_if<Load>(&e->node);
    if (!node) return {};
    int p = node->slot - group_.definition.inputs;
    if (p < 0 || plan_.keep[p] != Keep::kAgain) return {};
    if (plan_.phase_of[p] == plan_.phase_of[s]) return {};
    Substitution at;
    const Stage& stage = group_.stage(p);
    for (size_t i = 0; i < stage.axes.size(); ++i) {
      at[stage.axes[i].get()] = node->index[i];
    }
    return recomputed(s, substitute(body_of(stage), at));
  });
  return rewrite(expr);
}

// The value of a load of stage or operand, with indices already lowered.
Expr RowLowering::read(int s, const Load& node) {
  int inputs = group_.definition.inputs;
  int p = node.slot - inputs;
  if (p < 0) {
    const GroupOperand& operand = group_.operands[node.slot];
    return flat_load(node.slot, node.dtype,
                     flat_index(node.index, operand.shape, ranges_));
  }
  if (value_[p].get() && (plan_.forms[p].own.empty() ||
                          plan_.phase_of[p] == plan_.phase_of[s])) {
    return value_[p];
  }
  const Stage& stage = group_.stage(p);
  if (plan_.keep[p] == Keep::kLocal) {
    std::vector<Expr> index;
    Shape extents;
    for (int axis : plan_.forms[p].own) {
      index.push_back(node.index[axis]);
      extents.push_back(stage.shape[axis]);
    }
    return flat_load(local_slot_[p], stage.dtype,
                     flat_index(index, extents, ranges_));
  }
  LATHE_CHECK(plan_.keep[p] == Keep::kOutput, stage.name, " is not kept");
  return flat_load(output_slot(p), stage.dtype,
                   flat_index(node.index, stage.shape, ranges_));
}

Expr RowLowering::lower(int s, const Expr& expr, const Substitution& point) {
  Rewriter place([&](const Expr& e) -> Expr {
    if (auto* node = std::get_if<Load>(&e->node)) return read(s, *node);
    return {};
  });
  return simplify(place(substitute(recomputed(s, expr), point)), ranges_);
}

void RowLowering::add_value(int s, const Expr& value,
                            std::vector<PointOp>& ops) {
  const Stage& stage = group_.stage(s);
  bool narrow_int = is_int(stage.dtype) && stage.dtype != DType::kInt64;
  Var v = make_var(cat({"v", s}), value->type);
  ops.push_back(PointLet{v, narrow_int ? cast(stage.dtype, value) : value});
  value_[s] = var(v);
}

void RowLowering::add_map(int s, const std::vector<Expr>& at,
                          std::vector<PointOp>& ops) {
  const Stage& stage = group_.stage(s);
  std::vector<Expr> index = index_at(s, at);
  Substitution point;
  for (size_t i = 0; i < index.size(); ++i) {
    point[stage.axes[i].get()] = index[i];
  }
  add_value(s, lower(s, body_of(stage), point), ops);
}

void RowLowering::add_accumulation(int s, const std::vector<Expr>& at,
                                   std::vector<PointOp>& ops) {
  const Stage& stage = group_.stage(s);
  const StageForm& form = plan_.forms[s];
  std::vector<Expr> index = index_at(s, at);
  Substitution point;
  for (size_t i = 0; i < index.size(); ++i) {
    point[stage.axes[i].get()] = index[i];
  }
  for (const ReduceAxis& axis : form.reduce->axes) {
    point[axis.var.get()] = int_literal(0);
  }
  for (size_t i = 0; i < at.size(); ++i) {
    point[form.reduce->axes[form.reduced[i]].var.get()] = at[i];
  }
  Expr value = lower(s, form.reduce->body, point);
  if (best_[s]) {
    Expr position = at.empty() ? int_literal(0) : at[0];
    ops.push_back(
        PointArg{form.reduce->op, best_[s], accumulator_[s], value, position});
  } else {
    ops.push_back(PointAccumulate{form.reduce->op, accumulator_[s], value});
  }
}

// A reduction for each point: loops of its own around an accumulator.
void RowLowering::add_nested(int s, const std::vector<Expr>& at,
                             std::vector<PointOp>& ops) {
  const Stage& stage = group_.stage(s);
  const StageForm& form = plan_.forms[s];
  std::vector<Expr> index = index_at(s, at);
  Substitution point;
  for (size_t i = 0; i < index.size(); ++i) {
    point[stage.axes[i].get()] = index[i];
  }
  std::vector<Var> loops;
  for (const ReduceAxis& axis : form.reduce->axes) {
    loops.push_back(make_var(axis.var->name));
    ranges_.add(loops.back(), axis.extent);
    point[axis.var.get()] = var(loops.back());
  }
  NumType type = form.reduce->body->type;
  bool arg = form.reduce->op == ReduceOp::kArgMin ||
             form.reduce->op == ReduceOp::kArgMax;
  Var acc = make_var(cat({"acc", s}), arg ? NumType::kInt64 : type);
  Var best = arg ? make_var(cat({"best", s}), type) : nullptr;
  std::vector<PointOp> inner;
  Expr value = lower(s, form.reduce->body, point);
  if (arg) {
    inner.push_back(PointArg{form.reduce->op, best, acc, value,
                             var(loops[0])});
  } else {
    inner.push_back(PointAccumulate{form.reduce->op, acc, value});
  }
  Stmt loop = scalar_point(inner);
  for (size_t i = loops.size(); i-- > 0;) {
    loop = for_loop(loops[i], int_literal(0),
                    size_of(form.reduce->axes[i].extent), loop);
  }
  Expr start = neutral_of(form.reduce->op, type);
  ops.push_back(PointStmt{declare(acc, arg ? int_literal(0) : start)});
  if (arg) ops.push_back(PointStmt{declare(best, start)});
  ops.push_back(PointStmt{loop});
  add_value(s, var(acc), ops);
}

std::vector<PointOp> RowLowering::ops_of_phase(size_t p,
                                               const std::vector<Expr>& at) {
  std::vector<PointOp> ops;
  for (int s : plan_.phases[p].stages) {
    if (plan_.accumulates(s)) {
      add_accumulation(s, at, ops);
      continue;
    }
    plan_.forms[s].reduce ? add_nested(s, at, ops) : add_map(s, at, ops);
    if (int slot = output_slot(s); slot >= 0) {
      const Stage& stage = group_.stage(s);
      ops.push_back(PointStore{
          slot, flat_index(index_at(s, at), stage.shape, ranges_), value_[s]});
    }
    if (local_slot_[s] >= 0) {
      Expr flat = flat_index(at, plan_.phases[p].extents, ranges_);
      ops.push_back(PointStore{local_slot_[s], flat, value_[s]});
    }
  }
  return ops;
}

void RowLowering::declare_accumulators(size_t p, std::vector<Stmt>& out) {
  for (int s : plan_.phases[p].stages) {
    if (!plan_.accumulates(s)) continue;
    const Reduce& reduce = *plan_.forms[s].reduce;
    NumType type = reduce.body->type;
    Expr start = neutral_of(reduce.op, type);
    bool arg = reduce.op == ReduceOp::kArgMin || reduce.op == ReduceOp::kArgMax;
    accumulator_[s] =
        make_var(cat({"acc", s}), arg ? NumType::kInt64 : type);
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
      Expr flat = flat_index(index_at(s, {}), group_.stage(s).shape, ranges_);
      ops.push_back(PointStore{slot, flat, value_[s]});
    }
    out.push_back(scalar_point(ops));
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
  const Shape& extents = plan_.phases[p].extents;
  std::vector<Stmt> out;
  declare_accumulators(p, out);
  if (extents.empty()) {
    out.push_back(scalar_point(ops_of_phase(p, {})));
    finish_accumulators(p, out);
    return block(std::move(out));
  }
  Var flat = make_var("i");
  Dim total = numel(extents);
  ranges_.add(flat, total);
  std::vector<PointOp> ops =
      ops_of_phase(p, decode(var(flat), extents, ranges_));
  if (blocked_) {
    Expr begin = var(item_) * int_literal(kBlock);
    out.push_back(for_loop(flat, begin,
                           min(begin + int_literal(kBlock), size_of(total)),
                           scalar_point(ops), LoopKind::kVector));
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
  Stmt scalar = for_loop(flat, int_literal(0), size_of(extent),
                         scalar_point(ops),
                         independent ? LoopKind::kVector : LoopKind::kSerial);
  if (vectors_ == Vectors::kNo || sums.empty()) return scalar;
  NumType type = sums[0]->value->type;
  if (type != NumType::kFloat32 && type != NumType::kFloat64) return scalar;
  int lanes = target_.lanes(type == NumType::kFloat32 ? 4 : 8);
  int64_t step = int64_t{kAccumulators} * lanes;
  std::vector<Stmt> out, main;
  std::vector<std::vector<Var>> accs(kAccumulators);
  Var i = make_var("i");
  for (int u = 0; u < kAccumulators; ++u) {
    for (size_t a = 0; a < sums.size(); ++a) {
      accs[u].push_back(make_var(cat({sums[a]->accumulator->name, "_", u}), type, lanes));
      out.push_back(declare(accs[u][a], neutral_of(sums[a]->op, type)));
    }
    auto points = vector_points(ops, flat, var(i) + int_literal(u * lanes),
                                type, lanes, accs[u]);
    if (!points) return scalar;
    main.push_back(block(std::move(*points)));
  }
  Expr whole = simplify(
      size_of(extent) / int_literal(step) * int_literal(step), ranges_);
  out.push_back(for_loop(i, int_literal(0), whole, block(std::move(main)),
                         LoopKind::kSerial, step));
  auto& kernel = result_.kernel;
  for (size_t a = 0; a < sums.size(); ++a) {
    ReduceOp op = sums[a]->op;
    Expr total = combine(op, combine(op, var(accs[0][a]), var(accs[1][a])),
                         combine(op, var(accs[2][a]), var(accs[3][a])));
    int slot = static_cast<int>(kernel.buffers.size() + kernel.locals.size());
    DType dtype =
        type == NumType::kFloat32 ? DType::kFloat32 : DType::kFloat64;
    kernel.locals.push_back({cat({"lanes", kernel.locals.size()}), dtype,
                             lanes, 1});
    out.push_back(store(slot, ramp(int_literal(0), 1, lanes), total));
    Var lane = make_var("lane");
    Expr acc = var(sums[a]->accumulator);
    out.push_back(for_loop(
        lane, int_literal(0), int_literal(lanes),
        assign(sums[a]->accumulator,
               combine(op, acc, flat_load(slot, dtype, var(lane)))),
        LoopKind::kUnroll));
  }
  if (!same_expr(whole, size_of(extent))) {
    out.push_back(for_loop(flat, whole, size_of(extent), scalar_point(ops)));
  }
  return block(std::move(out));
}

// Whether all loads of the group have a constant stride along one flat index
// over the axes from `first` on.
bool flat_from(const Group& group, int first) {
  const Shape& shape = group.stage(0).shape;
  Ranges ranges;
  Shape tail(shape.begin() + first, shape.end());
  Var flat = make_var("i");
  ranges.add(flat, numel(tail));
  std::vector<Expr> at = decode(var(flat), tail, ranges);
  for (const Stage& stage : group.definition.stages) {
    Substitution point;
    for (int i = 0; i < first; ++i) ranges.add(stage.axes[i], shape[i]);
    for (size_t i = first; i < shape.size(); ++i) {
      point[stage.axes[i].get()] = at[i - first];
    }
    for (const Expr& e : loads_of(substitute(body_of(stage), point))) {
      auto& load = std::get<Load>(e->node);
      if (load.slot >= group.definition.inputs) continue;
      Expr address =
          flat_index(load.index, group.operands[load.slot].shape, ranges);
      if (!affine_in(address, flat, ranges)) return false;
    }
  }
  return true;
}

}  // namespace

int item_axes_of_map(const Group& group) {
  const Shape& shape = group.stage(0).shape;
  int rank = static_cast<int>(shape.size());
  int axes = 0;
  while (axes < rank - 1 && !flat_from(group, axes)) ++axes;
  bool one_row = std::all_of(shape.begin(), shape.begin() + axes,
                             [](const Dim& extent) { return extent == 1; });
  return one_row ? 0 : axes;
}

Dim cost_of(const Expr& body, const Dim& elements) {
  int64_t work = 1;
  walk(body, [&](const Expr& e) {
    auto* call = std::get_if<Call>(&e->node);
    bool heavy = call && call->op >= ScalarOp::kExp &&
                 call->op <= ScalarOp::kSigmoid;
    work += heavy ? 12 : 1;
    return true;
  });
  // About eight simple operations a nanosecond.
  return ceildiv(elements * Dim(work), 8);
}

LoweredGroup lower_rows(const Group& group, const Target& target,
                        Vectors vectors) {
  if (!is_pointwise(group)) {
    return RowLowering(group, target, vectors, group.row_axes, false).run();
  }
  int axes = item_axes_of_map(group);
  bool scalar = numel(group.stage(0).shape) == 1;
  return RowLowering(group, target, vectors, axes, axes == 0 && !scalar).run();
}

}  // namespace lathe
