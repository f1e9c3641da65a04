// Rows over axes that are not the first ones of every array: softmax over axis
// 1 of [B, C, W] has the rows [B, W]. The arrays stay as they are; their
// cluster remembers in which order the group has to see their axes. And rows
// over a part of an axis: the rows of group_norm are groups of channels.

#include <numeric>

#include "codegen/fuser.h"
#include "codegen/rewrite.h"

namespace lathe {
namespace {

// Rows of fewer columns than this are no gain over what the first axes give.
constexpr int64_t kLeastColumns = 8;

// Where an index is the quotient of the reader's own axis and a constant, and
// the quotient takes all values: that constant; else 0.
int64_t part_of_axis(const Expr& index, const Array& reader, size_t axis,
                     const Dim& quotients) {
  auto* call = std::get_if<Call>(&index->node);
  if (!call || call->op != ScalarOp::kFloorDiv) return 0;
  auto* ref = std::get_if<VarRef>(&call->args[0]->node);
  auto* literal = std::get_if<Literal>(&call->args[1]->node);
  if (!ref || !literal || ref->var != reader.axes()[axis]) return 0;
  auto* inner = std::get_if<int64_t>(&literal->value);
  if (!inner || *inner < 2) return 0;
  return quotients * Dim(*inner) == reader.shape()[axis] ? *inner : 0;
}

// How many leading axes all stages share wherever they read each other.
int shared_rows(const Group& group) {
  size_t rows = group.stage(0).axes.size();
  for (const Stage& stage : group.definition.stages) {
    rows = std::min(rows, stage.axes.size());
    for (const Expr& e : loads_of(body_of(stage))) {
      auto& node = std::get<Load>(e->node);
      const int read = node.slot - group.definition.inputs;
      if (read < 0) continue;
      const Shape& shape = group.stage(read).shape;
      size_t same = 0;
      while (same < std::min(rows, shape.size())) {
        auto* ref = std::get_if<VarRef>(&node.index[same]->node);
        const bool follows = ref && ref->var == stage.axes[same];
        if (shape[same] != stage.shape[same]) break;
        if (!follows && shape[same] != 1) break;
        ++same;
      }
      rows = same;
    }
  }
  return static_cast<int>(rows);
}

}  // namespace

std::vector<int> Fuser::axes_of(const Cluster& c, ArrayId id) const {
  auto found = c.order.find(id);
  if (found != c.order.end()) return found->second;
  std::vector<int> axes(array(id).shape().size());
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

// Whether row axis `to` of b is row axis `from` of a wherever b reads a.
bool Fuser::follows(const Cluster& a, int from, const Cluster& b,
                    int to) const {
  bool same = true;
  for_each_read(a, b, [&](ArrayId reader, const Load& node) {
    const Array& by = array(reader);
    const ArrayId read = by.operands[node.slot];
    const size_t at = size_t(axes_of(b, reader)[size_t(to)]);
    const size_t of = size_t(axes_of(a, read)[size_t(from)]);
    auto* ref = std::get_if<VarRef>(&node.index[of]->node);
    same = same && ref && ref->var == by.axes()[at] &&
           by.shape()[at] == array(read).shape()[of];
  });
  return same;
}

std::optional<Cluster> Fuser::join_any_axes(const Cluster& a,
                                            const Cluster& b) const {
  std::vector<std::pair<int, int>> shared;
  bool leading = a.order.empty() && b.order.empty();
  const bool ordered = leading;
  Dim beyond = 1;  // rows more than the first axes give
  const ArrayId model = b.arrays.front();
  for (int to = 0; to < b.row_axes; ++to) {
    const Dim& extent = array(model).shape()[axes_of(b, model)[size_t(to)]];
    if (extent == 1) {
      leading = leading && to < a.row_axes &&
                array(a.arrays.front()).shape()[size_t(to)] == 1;
      if (leading) shared.emplace_back(to, to);
      continue;
    }
    int from = 0;
    while (from < a.row_axes && !follows(a, from, b, to)) ++from;
    leading = leading && from == to && from < a.row_axes;
    if (from == a.row_axes) continue;
    if (!leading) beyond *= extent;
    shared.emplace_back(from, to);
  }
  const bool few = beyond.is_static() && beyond.value() < kLeastColumns;
  if (ordered && few) return std::nullopt;
  Cluster joined{GroupKind::kRow, static_cast<int>(shared.size()),
                 together(a, b)};
  for (const Cluster* c : {&a, &b}) {
    for (ArrayId id : c->arrays) {
      const std::vector<int> old = axes_of(*c, id);
      std::vector<int> axes;
      for (auto [from, to] : shared) {
        axes.push_back(old[size_t(c == &a ? from : to)]);
      }
      for (int axis = 0; axis < static_cast<int>(old.size()); ++axis) {
        if (std::find(axes.begin(), axes.end(), axis) == axes.end()) {
          axes.push_back(axis);
        }
      }
      if (!std::is_sorted(axes.begin(), axes.end())) joined.order[id] = axes;
    }
  }
  if (!rows_hold(joined)) return std::nullopt;
  return joined;
}

// How the only array of `b`, a map, has to be split so that parts of its axis
// are rows of `a`: it reads those by the quotient, or what is split already.
std::optional<SplitAxis> Fuser::split_for(const Cluster& a,
                                          const Cluster& b) const {
  if (b.arrays.size() != 1 || is_map(a) || !is_map(b)) return std::nullopt;
  const Array& reader = array(b.arrays[0]);
  std::optional<SplitAxis> split;
  bool agree = true;
  const auto wants = [&](const SplitAxis& wanted) {
    agree = agree && (!split || *split == wanted);
    split = wanted;
  };
  for_each_read(a, b, [&](ArrayId id, const Load& node) {
    auto known = a.split.find(array(id).operands[node.slot]);
    if (known != a.split.end()) wants(known->second);
    const Array& from = source(id, node);
    for (size_t i = 0; i + 1 < reader.shape().size(); ++i) {
      if (known != a.split.end() || i >= node.index.size()) break;
      const int64_t inner =
          part_of_axis(node.index[i], reader, i, from.shape()[i]);
      if (inner > 0) wants({static_cast<int>(i), inner});
    }
  });
  return agree ? split : std::nullopt;
}

std::optional<Cluster> Fuser::join_split_axes(const Cluster& a,
                                              const Cluster& b) const {
  if (!a.order.empty() || !in_order(b)) return std::nullopt;
  const std::optional<SplitAxis> split = split_for(a, b);
  if (!split) return std::nullopt;
  Cluster joined{GroupKind::kRow, 0, together(a, b)};
  joined.split = a.split;
  joined.split[b.arrays[0]] = *split;
  joined.row_axes = shared_rows(make_group(graph_, joined, {}).group);
  if (joined.row_axes <= split->axis || !rows_hold(joined)) return std::nullopt;
  return joined;
}

}  // namespace lathe
