#include <algorithm>

#include "codegen/moved_value.h"
#include "codegen/rewrite.h"
#include "codegen/row_lowering.h"
#include "spec/check.h"
#include "spec/text.h"

namespace lathe {
namespace {

// The stage's axes, standing for the indices of a point.
Substitution at_indices(const Stage& stage, const std::vector<Expr>& index) {
  Substitution point;
  for (size_t i = 0; i < index.size(); ++i) {
    point[stage.axes[i].get()] = index[i];
  }
  return point;
}

}  // namespace

int RowLowering::output_slot(int s) const {
  const auto& outputs = group_.definition.outputs;
  auto found = std::find(outputs.begin(), outputs.end(), s);
  if (found == outputs.end()) return -1;
  return output_slots_[size_t(found - outputs.begin())];
}

void RowLowering::add_buffers() {
  auto& kernel = result_.kernel;
  const auto add = [&](BufferBinding binding, BufferParam param) {
    kernel.buffers.push_back(std::move(param));
    result_.bindings.push_back(binding);
    return static_cast<int>(kernel.buffers.size()) - 1;
  };
  for (int i = 0; i < static_cast<int>(group_.operands.size()); ++i) {
    const GroupOperand& operand = group_.operands[size_t(i)];
    operand_slots_.push_back(-1);
    if (cut_ == Cut::kPieces && !reads_in_part(i)) continue;
    operand_slots_.back() = add({BufferSource::kOperand, i},
                                {cat({"in", i}), operand.dtype, false});
    operands_.push_back(operand);
  }
  for (size_t o = 0; o < group_.definition.outputs.size(); ++o) {
    const int s = group_.definition.outputs[o];
    // What other kernels store is constant here: it may be read in packs.
    const bool stores = cut_ != Cut::kPieces || stores_output_in_part(s);
    output_slots_.push_back(-1);
    if (!stores && !reads_output_in_part(s)) continue;
    output_slots_.back() =
        add({BufferSource::kOutput, static_cast<int>(o)},
            {cat({"out", o}), group_.stage(s).dtype, stores});
  }
  kernel.symbols = group_.symbols;
  kernel.lo = make_var("lo");
  kernel.hi = make_var("hi");
}

void RowLowering::add_locals() {
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
    local_slot_[s] = result_.kernel.add_local(
        {cat({"row", s}), group_.stage(static_cast<int>(s)).dtype,
         size * width_, 1});
  }
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

// Where output s has the element with this index.
Expr RowLowering::address(int s, const std::vector<Expr>& index) const {
  const Shape& shape = group_.stage(s).shape;
  const auto at = static_cast<size_t>(s);
  if (at >= group_.layout.size() || group_.layout[at].empty()) {
    return flat_index(index, shape, ranges_);
  }
  std::vector<Expr> in_memory;
  Shape extents;
  for (int axis : group_.layout[at]) {
    in_memory.push_back(index[size_t(axis)]);
    extents.push_back(shape[size_t(axis)]);
  }
  return flat_index(in_memory, extents, ranges_);
}

// Where an array on the stack has element `flat` of a row: of columns it holds
// each element for all of them.
Expr RowLowering::kept_at(const Expr& flat) const {
  if (cut_ != Cut::kColumns) return flat;
  return simplify(flat * int_literal(width_) + column_in_item(), ranges_);
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
    return flat_load(operand_slots_[size_t(node.slot)], node.dtype,
                     flat_index(node.index, operand.shape, ranges_));
  }
  if (value_[p].get() &&
      (plan_.forms[p].own.empty() || plan_.phase_of[p] == plan_.phase_of[s])) {
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
                     kept_at(flat_index(index, extents, ranges_)));
  }
  bool lent = plan_.keep[p] == Keep::kLent;
  LATHE_CHECK(lent || plan_.keep[p] == Keep::kOutput, stage.name,
              " is not kept");
  const int at = lent ? plan_.lender[p] : p;
  return flat_load(output_slot(at), stage.dtype, address(at, node.index));
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
  // A narrow float that is only moved needs no conversion: the store takes it
  // as it lies. A choice of them is not made once for each reader.
  bool once = std::holds_alternative<Load>(value->node) ||
              group_.definition.stages.size() == 1;
  if (once && only_moves(value, stage.dtype)) {
    value_[s] = value;
    return;
  }
  Var v = make_var(cat({"v", s}), value->type);
  ops.push_back(PointLet{v, narrow_int ? cast(stage.dtype, value) : value});
  value_[s] = var(v);
}

void RowLowering::add_map(int s, const std::vector<Expr>& at,
                          std::vector<PointOp>& ops) {
  const Stage& stage = group_.stage(s);
  Substitution point = at_indices(stage, index_at(s, at));
  add_value(s, lower(s, body_of(stage), point), ops);
}

void RowLowering::add_accumulation(int s, const std::vector<Expr>& at,
                                   std::vector<PointOp>& ops) {
  const Stage& stage = group_.stage(s);
  const StageForm& form = plan_.forms[s];
  Substitution point = at_indices(stage, index_at(s, at));
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
  const Reduce& reduce = *plan_.forms[s].reduce;
  const NumType type = reduce.body->type;
  const bool arg = is_arg(reduce.op);
  Var acc = make_var(cat({"acc", s}), arg ? NumType::kInt64 : type);
  Var best = arg ? make_var(cat({"best", s}), type) : nullptr;
  Stmt loops = nested_loops(s, at_indices(group_.stage(s), index_at(s, at)),
                            acc, best);
  Expr start = neutral_of(reduce.op, type);
  ops.push_back(PointStmt{declare(acc, arg ? int_literal(0) : start)});
  if (arg) ops.push_back(PointStmt{declare(best, start)});
  ops.push_back(PointStmt{loops});
  add_value(s, var(acc), ops);
}

Shape RowLowering::reduced_extents(int s) const {
  const StageForm& form = plan_.forms[size_t(s)];
  Shape extents;
  for (int axis : form.reduced) {
    extents.push_back(form.reduce->axes[size_t(axis)].extent);
  }
  return extents;
}

// Those that are no loops have one value.
void RowLowering::bind_reduced(int s, const std::vector<Expr>& at,
                               Substitution& point) const {
  const StageForm& form = plan_.forms[size_t(s)];
  for (const ReduceAxis& axis : form.reduce->axes) {
    point[axis.var.get()] = int_literal(0);
  }
  for (size_t i = 0; i < at.size(); ++i) {
    point[form.reduce->axes[size_t(form.reduced[i])].var.get()] = at[i];
  }
}

Stmt RowLowering::nested_loops(int s, Substitution point, const Var& acc,
                               const Var& best) {
  const Reduce& reduce = *plan_.forms[s].reduce;
  const Shape extents = reduced_extents(s);
  const OpsAt ops_at = [&](const std::vector<Expr>& at) {
    bind_reduced(s, at, point);
    Expr value = lower(s, reduce.body, point);
    std::vector<PointOp> ops;
    if (best) {
      Expr position = at.empty() ? int_literal(0) : at[0];
      ops.push_back(PointArg{reduce.op, best, acc, value, position});
    } else {
      ops.push_back(PointAccumulate{reduce.op, acc, value});
    }
    hoist(ops[0]);
    return ops;
  };
  if (cut_ == Cut::kRows && !target_.gpu) {
    return nest_over(extents, "k", ops_at);
  }
  const Nest nest = nest_of(extents, "k", ranges_);
  return nest.around(scalar_point(ops_at(nest.at)));
}

// The stage's value at the point goes to where others will read it.
void RowLowering::add_stores(int s, const std::vector<Expr>& at, size_t p,
                             std::vector<PointOp>& ops) {
  bool lent = plan_.keep[s] == Keep::kLent;
  const int output = lent ? plan_.lender[s] : s;
  if (int slot = output_slot(output); slot >= 0) {
    ops.push_back(
        PointStore{slot, address(output, index_at(s, at)), value_[s]});
  }
  if (local_slot_[s] >= 0) {
    Expr flat = flat_index(at, plan_.phases[p].extents, ranges_);
    ops.push_back(PointStore{local_slot_[s], kept_at(flat), value_[s]});
  }
}

// Whether a stage that others compute again is of any use where it stands.
bool RowLowering::is_used_in_phase(int s) const {
  if (plan_.keep[s] != Keep::kAgain || output_slot(s) >= 0) return true;
  for (size_t r = 0; r < plan_.forms.size(); ++r) {
    if (plan_.phase_of[r] != plan_.phase_of[s]) continue;
    for (const Expr& e : loads_of(body_of(group_.stage(static_cast<int>(r))))) {
      if (std::get<Load>(e->node).slot == group_.slot_of_stage(s)) return true;
    }
  }
  return false;
}

std::vector<PointOp> RowLowering::ops_of_phase(size_t p,
                                               const std::vector<Expr>& at) {
  std::vector<PointOp> ops;
  for (int s : plan_.phases[p].stages) {
    if (plan_.accumulates(s)) {
      add_accumulation(s, at, ops);
      continue;
    }
    if (!is_used_in_phase(s)) continue;
    plan_.forms[s].reduce ? add_nested(s, at, ops) : add_map(s, at, ops);
    add_stores(s, at, p, ops);
  }
  for (PointOp& op : ops) hoist(op);
  return ops;
}

// Divisions of the item's number are made once an item: the compiler leaves
// their branches in the loops, and does not vectorise these.
void RowLowering::hoist(PointOp& op) {
  if (target_.gpu) return;
  Rewriter rewrite([&](const Expr& e) -> Expr {
    if (!division_in(e) || e->type != NumType::kInt64) return {};
    if (contains<Load>(e)) return {};
    for (const VarInfo* used : free_vars(e)) {
      if (used != item_.get() && !divided_.count(used)) return {};
    }
    auto [it, added] = hoisted_.try_emplace(to_string(e));
    if (added) {
      it->second = make_var(cat({"at", hoisted_.size() - 1}));
      divided_.insert(it->second.get());
      divisions_.push_back(let(it->second, e));
    }
    return var(it->second);
  });
  std::visit(
      [&](auto& x) {
        using T = std::decay_t<decltype(x)>;
        if constexpr (!std::is_same_v<T, PointStmt>) x.value = rewrite(x.value);
        if constexpr (std::is_same_v<T, PointStore>) x.index = rewrite(x.index);
      },
      op);
}

}  // namespace lathe
