// Rows whose elements lie apart in memory, while the rows lie side by side:
// softmax over axis 1 of [B, C, W]. An item is `width` such rows, the columns;
// each step along a row is one loop over them, which the compiler vectorises:
//
//   for c:  for w in the item:  acc[w - first] += x[b, c, w]
//
// What is one number for a row is a local array with a number for each column.

#include "codegen/rewrite.h"
#include "codegen/row_lowering.h"
#include "spec/text.h"

namespace lathe {

RowLowering& RowLowering::with_columns(int first_axis, int64_t width) {
  column_axis_ = first_axis;
  width_ = width;
  return *this;
}

void RowLowering::cut_columns() {
  Shape outer(plan_.rows.begin(), plan_.rows.begin() + column_axis_);
  Shape inner(plan_.rows.begin() + column_axis_, plan_.rows.end());
  columns_ = numel(inner);
  const Dim parts = ceildiv(columns_, width_);
  result_.items = numel(outer) * parts;
  ranges_.add(item_, result_.items);
  column_ = make_var("w");
  ranges_.add(column_, columns_);
  row_ = decode(var(item_) / size_of(parts), outer, ranges_);
  for (const Expr& index : decode(var(column_), inner, ranges_)) {
    row_.push_back(index);
  }
  tile_ = simplify(var(item_) % size_of(parts) * int_literal(width_), ranges_);
}

std::vector<Stmt> RowLowering::bounds_of_columns() {
  if (cut_ != Cut::kColumns) return {};
  first_ = make_var("first");
  std::vector<Stmt> out = {let(first_, tile_)};
  if (workers_ > 1) {
    add_lane(out);
    return out;
  }
  last_ = make_var("last");
  Expr end = var(first_) + int_literal(width_);
  out.push_back(let(last_, min(end, size_of(columns_))));
  return out;
}

Stmt RowLowering::loop_over_columns(const std::vector<PointOp>& ops) const {
  const bool nested = std::any_of(
      ops.begin(), ops.end(),
      [](const PointOp& op) { return std::holds_alternative<PointStmt>(op); });
  return for_loop(column_, var(first_), var(last_), scalar_point(ops),
                  nested ? LoopKind::kSerial : LoopKind::kVector);
}

int RowLowering::add_array(const std::string& name, NumType type,
                           int64_t size) {
  return result_.kernel.add_local({name, storage_type(type), size, 1});
}

Expr RowLowering::element_of(int slot, const Expr& at) const {
  return flat_load(slot, result_.kernel.dtype_of(slot), at);
}

// Whether a phase behind p reads stage s, directly or in what it computes
// again.
bool RowLowering::is_read_after(int s, size_t p) const {
  for (size_t r = 0; r < plan_.forms.size(); ++r) {
    const int phase = plan_.phase_of[r];
    if (static_cast<size_t>(phase) <= p && plan_.keep[r] != Keep::kAgain) {
      continue;
    }
    auto& body = body_of(group_.stage(static_cast<int>(r)));
    for (const Expr& e : loads_of(body)) {
      if (std::get<Load>(e->node).slot == group_.slot_of_stage(s)) return true;
    }
  }
  return false;
}

// Accumulators are the elements `at` of arrays.
std::vector<PointOp> RowLowering::in_arrays(const std::vector<PointOp>& ops,
                                            const Expr& at) const {
  std::vector<PointOp> out;
  for (const PointOp& op : ops) {
    if (auto* x = std::get_if<PointAccumulate>(&op)) {
      const int slot = array_of_.at(x->accumulator.get());
      Expr total = combine(x->op, element_of(slot, at), x->value);
      out.push_back(PointStore{slot, at, total});
    } else if (auto* y = std::get_if<PointArg>(&op)) {
      const int best = array_of_.at(y->best.get());
      const int position = array_of_.at(y->position.get());
      Var value = make_var(y->best->name + "_next", y->value->type);
      Var better = make_var(y->best->name + "_better", NumType::kBool);
      out.push_back(PointLet{value, y->value});
      out.push_back(
          PointLet{better, replaces(y->op, var(value), element_of(best, at))});
      out.push_back(
          PointStore{position, at,
                     select(var(better), y->at, element_of(position, at))});
      out.push_back(
          PointStore{best, at,
                     select(var(better), var(value), element_of(best, at))});
    } else {
      out.push_back(op);
    }
  }
  return out;
}

void RowLowering::start_columns(size_t p, std::vector<Stmt>& out) {
  std::vector<PointOp> ops;
  for (int s : plan_.phases[p].stages) {
    if (!plan_.accumulates(s)) continue;
    const Reduce& reduce = *plan_.forms[s].reduce;
    const NumType type = reduce.body->type;
    const bool arg = is_arg(reduce.op);
    const auto start = [&](const char* name, NumType of, const Expr& value) {
      Var v = make_var(cat({name, s}), of);
      const int slot = add_array(v->name, of, width_);
      array_of_[v.get()] = slot;
      ops.push_back(PointStore{slot, column_in_item(), value});
      return v;
    };
    const Expr neutral = neutral_of(reduce.op, type);
    accumulator_[s] = start("acc", arg ? NumType::kInt64 : type,
                            arg ? int_literal(0) : neutral);
    if (arg) best_[s] = start("best", type, neutral);
  }
  if (!ops.empty()) out.push_back(loop_over_columns(ops));
}

// Reductions have their results: they are stored and stay at hand.
void RowLowering::finish_columns(size_t p, std::vector<Stmt>& out) {
  std::vector<PointOp> ops;
  std::vector<std::pair<int, Expr>> values;
  for (int s : plan_.phases[p].stages) {
    if (!plan_.accumulates(s)) continue;
    const int slot = array_of_.at(accumulator_[s].get());
    const size_t before = ops.size();
    add_value(s, of_column(slot), ops);
    if (int output = output_slot(s); output >= 0) {
      ops.push_back(PointStore{output, address(s, index_at(s, {})), value_[s]});
    }
    if (is_int(group_.stage(s).dtype)) {  // wrapped
      ops.push_back(PointStore{slot, column_in_item(), value_[s]});
    } else if (ops.size() == before + 1) {
      ops.pop_back();
    }
    values.emplace_back(s, of_column(slot));
  }
  if (!ops.empty()) out.push_back(loop_over_columns(ops));
  for (const auto& [s, value] : values) value_[s] = value;
}

Stmt RowLowering::phase_of_columns(size_t p) {
  std::vector<Stmt> out;
  start_columns(p, out);
  const Nest nest = nest_of(plan_.phases[p].extents, "i", ranges_);
  std::vector<PointOp> ops =
      in_arrays(ops_of_phase(p, nest.at), column_in_item());
  std::vector<std::pair<int, Expr>> kept;
  for (int s : plan_.phases[p].stages) {
    const bool scalar = plan_.forms[s].own.empty() && !plan_.accumulates(s);
    if (!scalar || !is_read_after(s, p)) continue;
    const int slot = add_array(cat({"of", s}), value_[s]->type, width_);
    ops.push_back(PointStore{slot, column_in_item(), value_[s]});
    kept.emplace_back(s, of_column(slot));
  }
  out.push_back(nest.around(loop_over_columns(ops)));
  for (const auto& [s, value] : kept) value_[s] = value;
  finish_columns(p, out);
  return block(std::move(out));
}

}  // namespace lathe
