// Rows over axes that are not the first ones of every array: softmax over axis
// 1 of [B, C, W] has the rows [B, W]. The arrays stay as they are; their
// cluster remembers in which order the group has to see their axes.

#include <numeric>

#include "codegen/fuser.h"

namespace lathe {
namespace {

// Rows of fewer columns than this are no gain over what the first axes give.
constexpr int64_t kLeastColumns = 8;

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

}  // namespace lathe
