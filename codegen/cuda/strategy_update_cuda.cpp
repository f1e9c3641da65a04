// Updates on a GPU, in their order, so that places that repeat have the same bits
// each time and the last one written stays. Points of the domain that differ
// along an axis at which they write to where they are never meet: these are the
// columns. With many columns, a thread does one: its base is copied by a kernel
// before, and its points follow each other. With few, a thread owns a place: it
// looks at all points that may write there and takes those that do.

#include "codegen/cuda/strategy_update_cuda.h"

#include <algorithm>
#include <utility>

#include "codegen/kernel_builder.h"
#include "codegen/lower_rows.h"

namespace lathe::cuda {
namespace {

// Columns that keep a GPU busy.
constexpr int64_t kManyColumns = 1024;

class UpdateKernel {
 public:
  explicit UpdateKernel(const Group& group)
      : stage_(group.stage(0)),
        update_(std::get<Update>(stage_.kind)),
        kernel_(group) {
    for (int i = 0; i < group.definition.inputs; ++i) kernel_.operand(i);
    out_ = kernel_.output(0);
    for (size_t d = 0; d < stage_.shape.size(); ++d) {
      column_axes_.push_back(column_axis(d));
    }
  }

  Dim columns() const {
    Dim count = 1;
    for (const ReduceAxis* axis : column_axes_) {
      if (axis) count *= axis->extent;
    }
    return count;
  }

  // Whether a place is data, or what is written there stands at one.
  bool checks_indices() const {
    return contains<CheckedIndex>(update_.update) ||
           std::any_of(update_.place.begin(), update_.place.end(),
                       [](const Expr& e) { return contains<CheckedIndex>(e); });
  }

  // A thread for each place.
  LoweredGroup lower_places(const Dim& runs) {
    const Dim all = numel(stage_.shape);
    Ranges ranges = ranges_of_item(all);
    const std::vector<Expr> own = decoded(stage_.shape, ranges);
    Substitution at;
    for (size_t d = 0; d < own.size(); ++d) {
      at[stage_.axes[d].get()] = own[d];
      if (column_axes_[d]) at[column_axes_[d]->var.get()] = own[d];
    }
    const std::vector<ReduceAxis> loops = loops_in_order(at, ranges);
    Expr base = kernel_.lower(update_.base, at, ranges);
    Var value = make_var("value", base->type);
    Expr here = literal(true);
    for (size_t d = 0; d < own.size(); ++d) {
      if (column_axes_[d]) continue;
      here = here && equal(kernel_.lower(update_.place[d], at, ranges), own[d]);
    }
    Expr next = updated(var(value), kernel_.lower(update_.update, at, ranges));
    if (is_int(stage_.dtype)) next = cast(stage_.dtype, next);
    Stmt body = block({
        declare(value, base),
        nested(loops, if_then(here, assign(value, next))),
        store(out_, flat_index(own, stage_.shape, ranges), var(value)),
    });
    return finish(body, runs * all);
  }

  // A thread for each column. Requires: the base has been copied.
  LoweredGroup lower_columns(const Dim& runs) {
    Shape extents;
    for (const ReduceAxis* axis : column_axes_) {
      if (axis) extents.push_back(axis->extent);
    }
    Ranges ranges = ranges_of_item(columns());
    const std::vector<Expr> own = decoded(extents, ranges);
    Substitution at;
    size_t next = 0;
    for (const ReduceAxis* axis : column_axes_) {
      if (axis) at[axis->var.get()] = own[next++];
    }
    const std::vector<ReduceAxis> loops = loops_in_order(at, ranges);
    std::vector<Expr> place;
    for (const Expr& expr : update_.place) {
      place.push_back(kernel_.lower(expr, at, ranges));
    }
    Var where = make_var("place");
    Expr old = flat_load(out_, stage_.dtype, var(where));
    Expr value = kernel_.lower(update_.update, at, ranges);
    Stmt point = block({let(where, flat_index(place, stage_.shape, ranges)),
                        store(out_, var(where), updated(old, value))});
    return finish(nested(loops, point), runs * columns());
  }

 private:
  // The domain's variable that is the place along axis d, and along no axis
  // before; null where there is none.
  const ReduceAxis* column_axis(size_t d) const {
    auto* ref = std::get_if<VarRef>(&update_.place[d]->node);
    if (!ref) return nullptr;
    for (const ReduceAxis* before : column_axes_) {
      if (before && before->var == ref->var) return nullptr;
    }
    for (const ReduceAxis& axis : update_.domain) {
      if (axis.var == ref->var && axis.extent == stage_.shape[d]) return &axis;
    }
    return nullptr;
  }

  Ranges ranges_of_item(const Dim& items) const {
    Ranges ranges;
    ranges.add(item_, items);
    return ranges;
  }
  std::vector<Expr> decoded(const Shape& extents, const Ranges& ranges) const {
    std::vector<Expr> index = unflatten(
        var(item_), std::vector<Dim>(extents.begin(), extents.end()));
    for (Expr& expr : index) expr = simplify(expr, ranges);
    return index;
  }

  // Loops over what `at` leaves of the domain, which it then knows.
  std::vector<ReduceAxis> loops_in_order(Substitution& at,
                                         Ranges& ranges) const {
    std::vector<ReduceAxis> loops;
    for (const ReduceAxis& axis : update_.domain) {
      if (at.count(axis.var.get())) continue;
      loops.push_back({make_var(axis.var->name), axis.extent});
      ranges.add(loops.back().var, axis.extent);
      at[axis.var.get()] = var(loops.back().var);
    }
    return loops;
  }
  static Stmt nested(const std::vector<ReduceAxis>& loops, Stmt body) {
    for (size_t i = loops.size(); i-- > 0;) {
      body = for_loop(loops[i].var, int_literal(0), size_of(loops[i].extent),
                      std::move(body));
    }
    return body;
  }

  Expr updated(const Expr& old, const Expr& value) const {
    switch (update_.mode) {
      case UpdateMode::kSet:
        return value;
      case UpdateMode::kAdd:
        return old + value;
      case UpdateMode::kMul:
        return old * value;
      case UpdateMode::kMin:
        return min(old, value);
      case UpdateMode::kMax:
        return max(old, value);
    }
    return value;
  }

  LoweredGroup finish(const Stmt& body, const Dim& items) {
    return kernel_.finish(for_loop(item_, var(kernel_.lo()), var(kernel_.hi()),
                                   body, LoopKind::kItems),
                          items, cost_of(update_.base, items));
  }

  const Stage& stage_;
  const Update& update_;
  KernelBuilder kernel_;
  Var item_ = make_var("item");
  int out_ = -1;
  std::vector<const ReduceAxis*> column_axes_;  // by axis; null: another place
};

// The base alone, as a map.
Group copy_of_base(const Group& group) {
  Group copy = group;
  Stage& stage = copy.definition.stages[0];
  copy.kind = GroupKind::kRow;
  copy.row_axes = static_cast<int>(stage.shape.size());
  stage.kind = Compute{std::get<Update>(group.stage(0).kind).base};
  return copy;
}

}  // namespace

bool matches_update(const Group& group, const Target&) {
  return group.kind == GroupKind::kSequential &&
         std::holds_alternative<Update>(group.stage(0).kind);
}

LoweredGroup lower_update(const Group& group, const Target& target) {
  UpdateKernel places(group), columns(group);
  // 1 where there are many columns, else 0.
  Dim many = min(floordiv(columns.columns(), Dim(kManyColumns)), Dim(1));
  // Where there is no place, none looks at the points, whose indices are wrong.
  if (columns.checks_indices()) {
    const Dim places_there = numel(group.stage(0).shape);
    many = max(many, Dim(1) - min(places_there, Dim(1)));
  }
  if (many == 0) return places.lower_places(Dim(1));
  const Group base = copy_of_base(group);
  LoweredGroup copy = lower_rows(base, target, Vectors::kYes);
  copy.items *= many;
  copy.cost *= many;
  copy.after.push_back(columns.lower_columns(many));
  if (!(many == 1)) copy.after.push_back(places.lower_places(Dim(1) - many));
  return copy;
}

}  // namespace lathe::cuda
