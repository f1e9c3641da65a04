#include "codegen/lower_rows.h"

#include <algorithm>

#include "codegen/rewrite.h"
#include "codegen/row_lowering.h"

namespace lathe {
namespace {

// Elements that a transpose may move as one.
constexpr int64_t kMostBehind = 4;

// Maps over one domain that read each other at the same point only: any axis
// may become a work item.
bool is_pointwise(const Group& group) {
  const Shape& shape = group.stage(0).shape;
  return group.row_axes == static_cast<int>(shape.size()) &&
         std::all_of(group.definition.stages.begin(),
                     group.definition.stages.end(), [&](const Stage& stage) {
                       bool reduces =
                           std::holds_alternative<Reduce>(body_of(stage)->node);
                       return !reduces && stage.shape == shape;
                     });
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

// Whether a load steps through memory along axis a, and jumps along the next
// one, as a transpose does. A last axis may follow that all loads step along:
// what is transposed is then pairs, or the like.
bool reads_across(const Group& group, size_t a) {
  const Shape& shape = group.stage(0).shape;
  const size_t b = a + 1, last = shape.size() - 1;
  if (shape[a] == 1 || shape[b] == 1) return false;
  const Dim unit = b < last ? shape[last] : Dim(1);
  bool across = false;
  for (const Stage& stage : group.definition.stages) {
    Ranges ranges;
    ranges.add(stage.axes, shape);
    for (const Expr& e : loads_of(body_of(stage))) {
      auto& load = std::get<Load>(e->node);
      if (load.slot >= group.definition.inputs) continue;
      Expr address =
          flat_index(load.index, group.operands[load.slot].shape, ranges);
      auto outer = affine_in(address, stage.axes[a], ranges);
      auto inner = affine_in(address, stage.axes[b], ranges);
      auto rest = affine_in(address, stage.axes[last], ranges);
      if (!outer || !inner || !rest) return false;
      if (inner->stride == unit) return false;
      if (b < last && !(rest->stride == 1)) return false;
      across = across || (outer->stride == unit && inner->stride != 0);
    }
  }
  return across;
}

// The axis from which the group is cut into tiles, or -1 where it is not.
int tiled_axis(const Group& group) {
  const Shape& shape = group.stage(0).shape;
  const int rank = static_cast<int>(shape.size());
  if (rank >= 2 && reads_across(group, shape.size() - 2)) return rank - 2;
  if (rank < 3 || !shape.back().is_static()) return -1;
  bool is_short = shape.back().value() <= kMostBehind;
  return is_short && reads_across(group, shape.size() - 3) ? rank - 3 : -1;
}

// Of an inner loop over rows that lie side by side, and of one that is short.
constexpr int64_t kColumns = 128, kFewColumns = 32;

// Whether a choice in `body` goes by a quotient of `v`, as that of a window at
// the rim of an image does: the compiler vectorises no such loop over v.
bool chooses_by_division(const Expr& body, const Var& v,
                         const Ranges& ranges) {
  bool found = false;
  walk(body, [&](const Expr& e) {
    auto* choice = std::get_if<Call>(&e->node);
    if (!choice || choice->op != ScalarOp::kSelect) return !found;
    walk(simplify(choice->args[0], ranges), [&](const Expr& part) {
      found = found || (division_in(part) && part->type == NumType::kInt64 &&
                        depends_on(part, v.get()));
      return !found;
    });
    return !found;
  });
  return found;
}

// The strides of a group's loads for a loop over the row axes from `first` on,
// as one, and for the innermost loop of the stage that loads.
bool reads_columns(const Group& group, int first) {
  const int inputs = group.definition.inputs, rows = group.row_axes;
  const Shape& shape = group.stage(0).shape;
  bool columns = false;
  for (const Stage& stage : group.definition.stages) {
    Ranges ranges;
    ranges.add(stage.axes, stage.shape);
    Shape tail(shape.begin() + first, shape.begin() + rows);
    Var flat = make_var("w");
    ranges.add(flat, numel(tail));
    std::vector<Expr> at = decode(var(flat), tail, ranges);
    Substitution point;
    for (int i = first; i < rows; ++i) {
      point[stage.axes[size_t(i)].get()] = at[size_t(i - first)];
    }
    const StageForm form = form_of(stage, rows);
    Var inner;
    if (!form.own.empty()) inner = stage.axes[size_t(form.own.back())];
    if (!form.reduced.empty()) {
      for (const ReduceAxis& axis : form.reduce->axes) {
        ranges.add(axis.var, axis.extent);
      }
      inner = form.reduce->axes[size_t(form.reduced.back())].var;
    }
    const Expr body = substitute(body_of(stage), point);
    if (chooses_by_division(body, flat, ranges)) return false;
    for (const Expr& e : loads_of(body)) {
      auto& load = std::get<Load>(e->node);
      if (load.slot >= inputs) continue;
      Expr address = flat_index(
          load.index, group.operands[size_t(load.slot)].shape, ranges);
      auto stride = affine_in(address, flat, ranges);
      if (!stride) return false;
      if (!inner) continue;
      auto step = affine_in(address, inner, ranges);
      if (!step || (step->stride == 1 && stride->stride != 0)) return false;
      columns = columns || stride->stride == 1;
    }
  }
  return columns;
}

// So few columns that wide items would leave cores without work.
int64_t columns_of_item(const Group& group, int first) {
  const Shape& shape = group.stage(0).shape;
  Dim all = numel(Shape(shape.begin() + first, shape.begin() + group.row_axes));
  const bool few = all.is_static() && all.value() < 4 * kColumns;
  return few ? kFewColumns : kColumns;
}

// Elements that are moved together: 16 bytes of the widest buffer.
int pack_of(const Group& group) {
  int widest = 1;
  for (const GroupOperand& operand : group.operands) {
    widest = std::max(widest, static_cast<int>(size_of(operand.dtype)));
  }
  for (int s : group.definition.outputs) {
    widest = std::max(widest, static_cast<int>(size_of(group.stage(s).dtype)));
  }
  return 16 / widest;
}

// Threads for a row: a block, a warp, or one where a warp would idle.
int workers_of(const RowPlan& plan) {
  constexpr int64_t kBlockRow = 2048, kWarpRow = 16;
  int64_t longest = 0;
  for (const Phase& phase : plan.phases) {
    if (phase.extents.empty()) continue;
    Dim points = numel(phase.extents);
    // Of unknown length: more threads cost a short row little.
    longest =
        std::max(longest, points.is_static() ? points.value() : kBlockRow);
  }
  return longest >= kBlockRow ? 256 : longest >= kWarpRow ? 32 : 1;
}

}  // namespace

int column_axis(const Group& group) {
  for (int first = 0; first < group.row_axes; ++first) {
    if (reads_columns(group, first)) return first;
  }
  return -1;
}

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
    bool heavy =
        call && call->op >= ScalarOp::kExp && call->op <= ScalarOp::kSigmoid;
    work += heavy ? 12 : 1;
    return true;
  });
  // About eight simple operations a nanosecond.
  return ceildiv(elements * Dim(work), 8);
}

// Nothing where rows are no columns, or where a value would have to be kept.
std::optional<LoweredGroup> lower_gpu_columns(const Group& group,
                                              const Target& target) {
  constexpr int kLanes = 32, kStrips = 8;
  const int first = column_axis(group);
  if (first < 0) return std::nullopt;
  std::optional<RowPlan> plan = try_plan_rows(group, group.row_axes, 0);
  if (!plan) return std::nullopt;
  const int workers = workers_of(*plan) == 1 ? kLanes : kLanes * kStrips;
  return RowLowering(group, target, Vectors::kNo, *plan, Cut::kColumns)
      .with_workers(workers)
      .with_columns(first, kLanes)
      .run();
}

LoweredGroup lower_gpu_rows(const Group& group, const Target& target,
                            Vectors vectors) {
  int rank = static_cast<int>(group.stage(0).shape.size());
  if (is_pointwise(group)) {
    int pack = pack_of(group);
    if (vectors == Vectors::kNo || pack == 1 || !flat_from(group, 0)) {
      return RowLowering(group, target, Vectors::kNo, rank, Cut::kRows).run();
    }
    return RowLowering(group, target, Vectors::kNo, 0, Cut::kPacks)
        .with_pack(pack)
        .run();
  }
  int workers = 1;
  if (vectors == Vectors::kYes) {
    if (auto columns = lower_gpu_columns(group, target)) return *columns;
    workers = workers_of(plan_rows(group, group.row_axes));
  }
  return RowLowering(group, target, Vectors::kNo, group.row_axes, Cut::kRows)
      .with_workers(workers)
      .run();
}

LoweredGroup lower_rows(const Group& group, const Target& target,
                        Vectors vectors) {
  if (target.gpu) return lower_gpu_rows(group, target, vectors);
  auto lower = [&](int row_axes, Cut cut) {
    return RowLowering(group, target, vectors, row_axes, cut).run();
  };
  // Rows in which reductions spread, if those arrays fit.
  auto lower_each_row = [&] {
    std::optional<RowPlan> plan;
    if (vectors == Vectors::kYes) {
      plan = try_plan_rows(group, group.row_axes, kMostLocalBytes,
                           Spread::kYes);
    }
    if (!plan) return lower(group.row_axes, Cut::kRows);
    return RowLowering(group, target, vectors, *plan, Cut::kRows).run();
  };
  if (!is_pointwise(group)) {
    const int first = vectors == Vectors::kYes ? column_axis(group) : -1;
    if (first < 0) return lower_each_row();
    const int64_t width = columns_of_item(group, first);
    auto plan = try_plan_rows(group, group.row_axes, kMostLocalBytes / width);
    if (!plan) return lower_each_row();
    return RowLowering(group, target, vectors, *plan, Cut::kColumns)
        .with_columns(first, width)
        .run();
  }
  if (int axis = tiled_axis(group); axis >= 0) {
    return lower(axis, Cut::kTiles);
  }
  int axes = item_axes_of_map(group);
  bool scalar = numel(group.stage(0).shape) == 1;
  return lower(axes, axes == 0 && !scalar ? Cut::kBlocks : Cut::kRows);
}

}  // namespace lathe
