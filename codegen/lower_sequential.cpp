#include "codegen/lower_sequential.h"

#include "codegen/lower_rows.h"
#include "codegen/point_ops.h"
#include "codegen/rewrite.h"
#include "codegen/simplify.h"
#include "spec/check.h"

namespace lathe {
namespace {

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

Stmt SequentialLowering::lower(const Scan& scan) {
  split_rows(scan.axis);
  const Dim& extent = stage_.shape[scan.axis];
  Var i = make_var("i");
  ranges_.add(i, extent);
  Expr position = scan.reverse
                      ? size_of(extent) - int_literal(1) - var(i)
                      : var(i);
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

// Keeps the first `kept` positions in a heap that lies in the output row, the
// last of them on top; then sorts the heap. No memory but the output, and
// n log(kept) steps.
class HeapSort {
 public:
  using At = std::function<Expr(const Expr&)>;
  HeapSort(int out, At key, At address, bool descending)
      : out_(out),
        key_(std::move(key)),
        address_(std::move(address)),
        descending_(descending) {}

  Stmt loops(const Dim& extent, const Dim& kept) {
    Var i = make_var("i"), t = make_var("t");
    Var size = make_var("size");
    Expr last = size_of(kept) - int_literal(1) - var(t);
    Stmt insert = if_then(
        var(size) < size_of(kept),
        block({sift_up(var(size), var(i)),
               assign(size, var(size) + int_literal(1))}),
        if_then(before(var(i), entry(int_literal(0))),
                sift_down(var(i), size_of(kept))));
    Var moved = make_var("moved", NumType::kInt64);
    Stmt extract =
        block({let(moved, entry(last)), put(last, entry(int_literal(0))),
               sift_down(var(moved), last)});
    Stmt fill = for_loop(i, int_literal(0), size_of(extent), insert);
    Stmt drain = for_loop(t, int_literal(0),
                          size_of(kept) - int_literal(1), extract);
    return block({declare(size, int_literal(0)),
                  if_then(int_literal(0) < size_of(kept),
                          block({fill, drain}))});
  }

 private:
  Expr entry(const Expr& at) const {
    return flat_load(out_, DType::kInt64, address_(at));
  }
  Stmt put(const Expr& at, const Expr& value) const {
    return store(out_, address_(at), value);
  }

  // Equal keys keep their order.
  Expr before(const Expr& i, const Expr& j) const {
    Expr a = descending_ ? key_(j) : key_(i);
    Expr b = descending_ ? key_(i) : key_(j);
    Expr equal = call(ScalarOp::kNot, {key_less(b, a)});
    return key_less(a, b) || (equal && i < j);
  }

  // Puts `value` at the free place `from` or above.
  Stmt sift_up(const Expr& from, const Expr& value) const {
    Var at = make_var("at"), parent = make_var("parent");
    Var go = make_var("go", NumType::kBool);
    Expr up = (var(at) - int_literal(1)) / int_literal(2);
    Stmt step = block(
        {let(parent, up),
         assign(go, before(entry(var(parent)), value)),
         if_then(var(go), block({put(var(at), entry(var(parent))),
                                 assign(at, var(parent))}))});
    return block({declare(at, from), declare(go, literal(true)),
                  while_loop(var(go) && int_literal(0) < var(at), step),
                  put(var(at), value)});
  }

  // Puts `value` at the top of a heap of `size` or below.
  Stmt sift_down(const Expr& value, const Expr& size) const {
    Var at = make_var("at"), child = make_var("child");
    Var go = make_var("go", NumType::kBool);
    Expr right = var(child) + int_literal(1);
    Stmt larger = if_then(
        right < size,
        if_then(before(entry(var(child)), entry(right)),
                assign(child, right)));
    Stmt step = block(
        {declare(child, var(at) * int_literal(2) + int_literal(1)), larger,
         assign(go, before(value, entry(var(child)))),
         if_then(var(go), block({put(var(at), entry(var(child))),
                                 assign(at, var(child))}))});
    Expr has_child = var(at) * int_literal(2) + int_literal(1) < size;
    return block({declare(at, int_literal(0)), declare(go, literal(true)),
                  while_loop(var(go) && has_child, step),
                  put(var(at), value)});
  }

  int out_;
  At key_, address_;
  bool descending_;
};

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

Expr key_less(const Expr& a, const Expr& b) {
  if (a->type == NumType::kInt64) return a < b;
  return a < b || (call(ScalarOp::kIsNan, {b}) && !call(ScalarOp::kIsNan, {a}));
}

LoweredGroup lower_sequential(const Group& group) {
  return SequentialLowering(group).run();
}

}  // namespace lathe
