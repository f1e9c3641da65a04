#include "codegen/lower_sequential.h"

#include "codegen/heap_sort.h"
#include "codegen/lower_rows.h"
#include "codegen/point_ops.h"
#include "codegen/rewrite.h"
#include "codegen/row_lowering.h"
#include "codegen/simplify.h"
#include "spec/check.h"

namespace lathe {
namespace {

// Columns of an item of a scan; fewer than the least go row by row.
constexpr int64_t kScanColumns = 64, kLeastScanColumns = 8;

class SequentialLowering {
 public:
  explicit SequentialLowering(const Group& group)
      : group_(group), stage_(group.stage(0)), out_(group.definition.inputs) {
    LATHE_CHECK(group.definition.stages.size() == 1 && group.is_output(0),
                "not one stored stage: ", to_string(group));
    auto& kernel = result_.kernel;
    for (int i = 0; i < out_; ++i) {
      kernel.buffers.push_back(
          {cat({"in", i}), group.operands[static_cast<size_t>(i)].dtype,
           false});
      result_.bindings.push_back({BufferSource::kOperand, i});
    }
    kernel.buffers.push_back({"out0", stage_.dtype, true});
    result_.bindings.push_back({BufferSource::kOutput, 0});
    kernel.symbols = group.symbols;
    kernel.lo = make_var("lo");
    kernel.hi = make_var("hi");
  }

  LoweredGroup run() {
    Stmt body;
    if (auto* scan = std::get_if<Scan>(&stage_.kind)) {
      body = lower(*scan);
    } else if (auto* update = std::get_if<Update>(&stage_.kind)) {
      body = lower(*update);
    } else {
      body = lower(std::get<Sort>(stage_.kind));
    }
    auto& kernel = result_.kernel;
    kernel.body = for_loop(item_, var(kernel.lo), var(kernel.hi), body,
                           LoopKind::kItems);
    return std::move(result_);
  }

 private:
  Stmt lower(const Scan& scan);
  std::optional<Stmt> columns(const Scan& scan);
  Stmt lower(const Update& update);
  Stmt lower(const Sort& sort);
  Stmt copy_of_base(const Update& update);

  // Items are the rows along `axis`; fills index_ with the others' indices.
  void split_rows(int axis) {
    Dim rows = 1;
    for (size_t i = 0; i < stage_.shape.size(); ++i) {
      if (static_cast<int>(i) != axis) rows *= stage_.shape[i];
    }
    result_.items = rows;
    ranges_.add(item_, rows);
    index_.assign(stage_.shape.size(), int_literal(0));
    Dim inner = 1;
    for (size_t i = stage_.shape.size(); i-- > 0;) {
      if (static_cast<int>(i) == axis) continue;
      index_[i] = simplify(
          var(item_) / size_of(inner) % size_of(stage_.shape[i]), ranges_);
      inner *= stage_.shape[i];
    }
  }

  Expr lowered(const Expr& expr, const Substitution& at) {
    Rewriter place([&](const Expr& e) -> Expr {
      auto* node = std::get_if<Load>(&e->node);
      // Entries of the output are read by flat addresses already.
      if (!node || node->slot >= out_) return {};
      const Shape& shape = group_.operands[node->slot].shape;
      return flat_load(node->slot, node->dtype,
                       flat_index(node->index, shape, ranges_));
    });
    return simplify(place(substitute(expr, at)), ranges_);
  }

  // Items are all positions along the leading axes [0, count).
  void split_leading(size_t count) {
    Dim rows = 1;
    for (size_t i = 0; i < count; ++i) rows *= stage_.shape[i];
    result_.items = rows;
    ranges_.add(item_, rows);
    index_.resize(count);
    Dim inner = 1;
    for (size_t i = count; i-- > 0;) {
      index_[i] = simplify(
          var(item_) / size_of(inner) % size_of(stage_.shape[i]), ranges_);
      inner *= stage_.shape[i];
    }
  }

  // Of the i-th step.
  Expr position_of(const Scan& scan, const Expr& i) const {
    if (!scan.reverse) return i;
    return size_of(stage_.shape[size_t(scan.axis)]) - int_literal(1) - i;
  }

  // How many leading axes an update walks along with its domain: what it does
  // at one position of them concerns no other.
  size_t independent_axes(const Update& update) const {
    size_t count = 0;
    for (; count < update.place.size(); ++count) {
      if (!domain_axis(update, count)) break;
    }
    return count;
  }
  // The domain's variable that is the place along `axis`, and is nowhere
  // before.
  const ReduceAxis* domain_axis(const Update& update, size_t axis) const {
    auto* ref = std::get_if<VarRef>(&update.place[axis]->node);
    if (!ref) return nullptr;
    for (size_t before = 0; before < axis; ++before) {
      auto* other = std::get_if<VarRef>(&update.place[before]->node);
      if (other && other->var == ref->var) return nullptr;
    }
    for (const ReduceAxis& loop : update.domain) {
      bool whole = loop.extent == stage_.shape[axis];
      if (loop.var == ref->var && whole) return &loop;
    }
    return nullptr;
  }

  // The body at the stage's index, with `axis` at `position`.
  Expr at_position(const Expr& expr, int axis, const Expr& position) {
    Substitution at;
    for (size_t i = 0; i < index_.size(); ++i) {
      bool along = static_cast<int>(i) == axis;
      at[stage_.axes[i].get()] = along ? position : index_[i];
    }
    return lowered(expr, at);
  }
  Expr address(int axis, const Expr& position) {
    std::vector<Expr> index = index_;
    index[static_cast<size_t>(axis)] = position;
    return flat_index(index, stage_.shape, ranges_);
  }

  const Group& group_;
  const Stage& stage_;
  int out_;
  LoweredGroup result_;
  Ranges ranges_;
  Var item_ = make_var("item");
  std::vector<Expr> index_;
};

// Rows that lie side by side, as those of a scan over an axis before the last,
// step together: an item is some of these columns.
//
//   for i:  for w in the item:  acc[w - first] += x[i, w]; out[i, w] = ...
std::optional<Stmt> SequentialLowering::columns(const Scan& scan) {
  const auto axis = static_cast<size_t>(scan.axis);
  const Shape& shape = stage_.shape;
  const auto split = shape.begin() + scan.axis;
  const Shape outer(shape.begin(), split), inner(split + 1, shape.end());
  const Dim all = numel(inner);
  if (all.is_static() && all.value() < kLeastScanColumns) return std::nullopt;
  const Dim parts = ceildiv(all, kScanColumns);
  Var w = make_var("w"), i = make_var("i");
  ranges_.add(item_, numel(outer) * parts);
  ranges_.add(w, all);
  ranges_.add(i, shape[axis]);
  index_ = decode(var(item_) / size_of(parts), outer, ranges_);
  index_.push_back(int_literal(0));
  for (const Expr& at : decode(var(w), inner, ranges_)) index_.push_back(at);
  Expr position = position_of(scan, var(i));
  Expr value = at_position(scan.body, scan.axis, position);
  if (contains<CheckedIndex>(value)) return std::nullopt;
  for (const Expr& e : loads_of(value)) {
    const Expr& at = std::get<Load>(e->node).index[0];
    if (!affine_in(at, w, ranges_)) return std::nullopt;
  }
  result_.items = numel(outer) * parts;
  result_.cost = cost_of(scan.body, numel(shape));
  const DType type = storage_type(value->type);
  const int totals =
      result_.kernel.add_local({"acc", type, kScanColumns, 1});
  Var first = make_var("first"), last = make_var("last");
  Expr column = var(w) - var(first);
  Expr acc = flat_load(totals, type, column);
  const auto over_columns = [&](std::vector<Stmt> body) {
    return for_loop(w, var(first), var(last), block(std::move(body)),
                    LoopKind::kVector);
  };
  Stmt add = store(totals, column, combine(scan.op, acc, value));
  Stmt keep = store(out_, address(scan.axis, position), acc);
  std::vector<Stmt> step = {add, keep};
  if (scan.exclusive) std::swap(step[0], step[1]);
  Expr start = var(item_) % size_of(parts) * int_literal(kScanColumns);
  return block(
      {let(first, simplify(start, ranges_)),
       let(last, min(var(first) + int_literal(kScanColumns), size_of(all))),
       over_columns(
           {store(totals, column, neutral_of(scan.op, value->type))}),
       for_loop(i, int_literal(0), size_of(shape[axis]),
                over_columns(std::move(step)))});
}

Stmt SequentialLowering::lower(const Scan& scan) {
  if (auto loops = columns(scan)) return *loops;
  split_rows(scan.axis);
  const Dim& extent = stage_.shape[scan.axis];
  Var i = make_var("i");
  ranges_.add(i, extent);
  Expr position = position_of(scan, var(i));
  Expr value = at_position(scan.body, scan.axis, position);
  Var acc = make_var("acc", value->type);
  Stmt add = assign(acc, combine(scan.op, var(acc), value));
  Stmt keep = store(out_, address(scan.axis, position), var(acc));
  std::vector<Stmt> step = {add, keep};
  if (scan.exclusive) std::swap(step[0], step[1]);
  result_.cost = cost_of(scan.body, numel(stage_.shape)) * 4;
  return block({declare(acc, neutral_of(scan.op, value->type)),
                for_loop(i, int_literal(0), size_of(extent),
                         block(std::move(step)))});
}

Stmt SequentialLowering::copy_of_base(const Update& update) {
  Substitution at;
  std::vector<Expr> index;
  std::vector<Var> loops;
  for (size_t i = 0; i < stage_.shape.size(); ++i) {
    if (i < index_.size()) {
      index.push_back(index_[i]);
    } else {
      loops.push_back(make_var(cat({"i", i})));
      ranges_.add(loops.back(), stage_.shape[i]);
      index.push_back(var(loops.back()));
    }
    at[stage_.axes[i].get()] = index[i];
  }
  Stmt copy = store(out_, flat_index(index, stage_.shape, ranges_),
                    lowered(update.base, at));
  for (size_t i = stage_.shape.size(); i-- > index_.size();) {
    copy = for_loop(loops[i - index_.size()], int_literal(0),
                    size_of(stage_.shape[i]), copy);
  }
  return copy;
}

// The stores have an order, and only the last one to a place counts: an item
// does all of them that may meet.
Stmt SequentialLowering::lower(const Update& update) {
  split_leading(independent_axes(update));
  Substitution at;
  for (size_t i = 0; i < index_.size(); ++i) {
    at[domain_axis(update, i)->var.get()] = index_[i];
  }
  Dim points = 1;
  std::vector<ReduceAxis> loops;
  for (const ReduceAxis& axis : update.domain) {
    points *= axis.extent;
    if (at.count(axis.var.get())) continue;
    loops.push_back({make_var(axis.var->name), axis.extent});
    ranges_.add(loops.back().var, axis.extent);
    at[axis.var.get()] = var(loops.back().var);
  }
  std::vector<Expr> place;
  for (const Expr& expr : update.place) place.push_back(lowered(expr, at));
  Var where = make_var("place");
  Expr address = flat_index(place, stage_.shape, ranges_);
  Expr value = lowered(update.update, at);
  Expr old = flat_load(out_, stage_.dtype, var(where));
  switch (update.mode) {
    case UpdateMode::kSet:
      break;
    case UpdateMode::kAdd:
      value = old + value;
      break;
    case UpdateMode::kMul:
      value = old * value;
      break;
    case UpdateMode::kMin:
      value = min(old, value);
      break;
    case UpdateMode::kMax:
      value = max(old, value);
      break;
  }
  Stmt step = block({let(where, address), store(out_, var(where), value)});
  for (size_t i = loops.size(); i-- > 0;) {
    step = for_loop(loops[i].var, int_literal(0), size_of(loops[i].extent),
                    step);
  }
  result_.cost = cost_of(update.base, numel(stage_.shape)) +
                 cost_of(update.update, points) * 2;
  return block({copy_of_base(update), step});
}

Stmt SequentialLowering::lower(const Sort& sort) {
  split_rows(sort.axis);
  auto key = [&](const Expr& position) {
    Expr value = at_position(sort.key, sort.axis, position);
    return value->type == NumType::kBool ? convert(NumType::kInt64, value)
                                         : value;
  };
  auto where = [&](const Expr& position) {
    return address(sort.axis, position);
  };
  result_.cost = cost_of(sort.key, result_.items * sort.extent) * 40;
  return HeapSort(out_, key, where, sort.descending)
      .loops(sort.extent, stage_.shape[sort.axis]);
}

}  // namespace

LoweredGroup lower_sequential(const Group& group) {
  return SequentialLowering(group).run();
}

}  // namespace lathe
