#include <algorithm>
#include <optional>
#include <set>

#include "codegen/clusters.h"
#include "codegen/contraction.h"
#include "codegen/lift_rows.h"
#include "codegen/passes.h"
#include "codegen/rewrite.h"
#include "codegen/row_plan.h"
#include "spec/text.h"

// How arrays find together. Every computed array starts as a cluster of its
// own; in order, each is joined with the clusters that it reads, where a rule
// allows it:
//
//   row          maps and reductions that meet at the same leading indices
//   contraction  maps at the same point as the product (epilogue), and
//                products that share their left operand (siblings)
//   attention    product, row group, product over the row
//
// Then clusters that only share an operand are joined. No rule knows an op.
// Two clusters may only be joined if no path leads from one to the other by
// way of a third.

namespace lathe {
namespace {

// Arrays in one kernel; beyond it the text becomes unreadable and slow to
// compile.
constexpr size_t kMostArrays = 48;
// Results of one row that reductions may leave on the stack.
constexpr int64_t kMostRowResults = 1024;
// Elements that one core may as well do alone.
constexpr int64_t kMostSerialElements = 1 << 18;

class Fuser {
 public:
  Fuser(StageGraph& graph, const Accepts& accepts)
      : graph_(graph), accepts_(accepts), clusters_(graph) {}

  std::vector<Cluster> run() {
    int count = static_cast<int>(graph_.arrays.size());
    for (ArrayId id = 0; id < count; ++id) {
      if (graph_.is_given(id)) continue;
      clusters_.add(id, kind_of(id), row_axes_of(id));
      join_operands(id);
    }
    join_siblings();
    join_tables();
    join_attention();
    return clusters_.in_order();
  }

 private:
  const Array& array(ArrayId id) const { return graph_.arrays[id]; }
  const Expr& body(ArrayId id) const {
    return std::get<Compute>(array(id).kind).body;
  }
  bool reduces(ArrayId id) const {
    return std::holds_alternative<Reduce>(body(id)->node);
  }

  // Both factors must have output axes of their own, else it is a weighted
  // sum along rows; but weights with axes of their own make a product with
  // even one row.
  std::optional<Contraction> product(ArrayId id) const {
    if (!std::holds_alternative<Compute>(array(id).kind)) return std::nullopt;
    auto match = match_contraction(body(id), array(id).axes);
    if (!match || (!match->rows.empty() && !match->cols.empty())) return match;
    if (match->rows.empty() && match->cols.empty()) return std::nullopt;
    const Expr& matrix = match->cols.empty() ? match->lhs : match->rhs;
    for (const Expr& e : loads_of(matrix)) {
      if (!array(std::get<Load>(e->node).slot).at_load) return std::nullopt;
    }
    return match;
  }

  GroupKind kind_of(ArrayId id) const {
    if (!std::holds_alternative<Compute>(array(id).kind)) {
      return GroupKind::kSequential;
    }
    return product(id) ? GroupKind::kContraction : GroupKind::kRow;
  }
  int row_axes_of(ArrayId id) const {
    return static_cast<int>(array(id).shape.size());
  }

  void join_operands(ArrayId id) {
    std::vector<ArrayId> operands = operands_of(array(id));
    for (size_t i = operands.size(); i-- > 0;) {
      if (graph_.is_given(operands[i])) continue;
      int from = clusters_.of(operands[i]), to = clusters_.of(id);
      if (from != to) try_join(from, to);
    }
  }

  // Joins `from` into `to`, which reads it, if a rule allows it.
  bool try_join(int from, int to) {
    const Cluster& a = clusters_[from];
    const Cluster& b = clusters_[to];
    if (a.arrays.size() + b.arrays.size() > kMostArrays) return false;
    if (at_load(a) != at_load(b)) return false;
    std::optional<Cluster> joined;
    if (a.kind == GroupKind::kRow && b.kind == GroupKind::kRow) {
      joined = join_rows(a, b);
    } else if (a.kind == GroupKind::kContraction &&
               (b.kind == GroupKind::kRow ||
                b.kind == GroupKind::kContraction)) {
      joined = join_epilogue(a, b);
    }
    if (!joined || clusters_.path_around(from, to)) return false;
    clusters_.join(from, to, *joined);
    return true;
  }

  bool at_load(const Cluster& c) const { return array(c.arrays[0]).at_load; }

  static std::vector<ArrayId> together(const Cluster& a, const Cluster& b) {
    std::vector<ArrayId> all;
    std::merge(a.arrays.begin(), a.arrays.end(), b.arrays.begin(),
               b.arrays.end(), std::back_inserter(all));
    return all;
  }

  // How many leading indices of the load are the reader's own leading axes.
  int shared_axes(ArrayId reader, const Load& node) const {
    const Array& to = array(reader);
    const Array& from = array(node.slot);
    size_t most = std::min(to.axes.size(), from.shape.size());
    for (size_t i = 0; i < most; ++i) {
      bool unit = to.shape[i] == 1 && from.shape[i] == 1;
      auto* ref = std::get_if<VarRef>(&node.index[i]->node);
      bool same = ref && ref->var == to.axes[i] &&
                  to.shape[i] == from.shape[i];
      if (!unit && !same) return static_cast<int>(i);
    }
    return static_cast<int>(most);
  }

  // Calls visit(reader, load) for what arrays of `b` read of `a`.
  template <typename Visit>
  void for_each_read(const Cluster& a, const Cluster& b,
                     const Visit& visit) const {
    for (ArrayId reader : b.arrays) {
      for (const Expr& e : loads_of(body(reader))) {
        auto& node = std::get<Load>(e->node);
        if (std::binary_search(a.arrays.begin(), a.arrays.end(), node.slot)) {
          visit(reader, node);
        }
      }
    }
  }

  std::optional<Cluster> join_rows(const Cluster& a, const Cluster& b) const {
    int rows = std::min(a.row_axes, b.row_axes);
    bool pointwise = true;
    for_each_read(a, b, [&](ArrayId reader, const Load& node) {
      rows = std::min(rows, shared_axes(reader, node));
      pointwise = pointwise && array(reader).shape == array(node.slot).shape &&
                  !reduces(reader);
    });
    Cluster joined{GroupKind::kRow, rows, together(a, b)};
    bool maps = is_map(a) && is_map(b);
    // Maps alone gain nothing from sharing rows without sharing points.
    if (maps && !(pointwise && rows == a.row_axes && rows == b.row_axes)) {
      return std::nullopt;
    }
    if (maps) return joined;
    return rows_hold(joined) ? std::optional(joined) : std::nullopt;
  }

  bool is_map(const Cluster& c) const {
    return std::none_of(c.arrays.begin(), c.arrays.end(),
                        [&](ArrayId id) { return reduces(id); });
  }

  // Reductions leave little behind, and all else fits on the stack.
  bool rows_hold(const Cluster& c) const {
    bool any_row = false;
    for (ArrayId id : c.arrays) {
      const Shape& shape = array(id).shape;
      Dim left = 1;
      for (size_t i = c.row_axes; i < shape.size(); ++i) left *= shape[i];
      if (reduces(id)) {
        bool few = left.is_static() && left.value() <= kMostRowResults;
        if (!few) return false;
      }
      for (int i = 0; i < c.row_axes; ++i) any_row = any_row || shape[i] != 1;
    }
    // One row for everything would leave all but one core without work.
    if (!any_row && !small_without_rows(c)) return false;
    std::vector<bool> stored(graph_.arrays.size(), false);
    PlacedGroup placed = make_group(graph_, c, stored);
    return rows_fit(placed.group, c.row_axes);
  }

  bool small_without_rows(const Cluster& c) const {
    return std::all_of(c.arrays.begin(), c.arrays.end(), [&](ArrayId id) {
      const Shape& shape = array(id).shape;
      if (shape.size() <= 1) return true;
      return is_static(shape) && numel(shape).value() <= kMostSerialElements;
    });
  }

  // Maps at the point where the products of `a` are made; products of `b`
  // must be siblings.
  std::optional<Cluster> join_epilogue(const Cluster& a,
                                       const Cluster& b) const {
    bool fits = true;
    const Shape& shape = array(a.arrays.front()).shape;
    for_each_read(a, b, [&](ArrayId reader, const Load& node) {
      int rank = static_cast<int>(array(reader).shape.size());
      fits = fits && !reduces(reader) && shared_axes(reader, node) == rank &&
             array(reader).shape == array(node.slot).shape;
    });
    for (ArrayId id : b.arrays) {
      fits = fits && (product(id) || !reduces(id)) && array(id).shape == shape;
    }
    if (!fits || !same_left(a, b)) return std::nullopt;
    return Cluster{GroupKind::kContraction, std::min(a.row_axes, b.row_axes),
                   together(a, b)};
  }

  // The left operand as text: equal for products that may share a kernel.
  std::string left_of(ArrayId id) const {
    auto match = product(id);
    if (!match) return "";
    // With one row only, the weights may be the first factor.
    bool swapped = match->cols.empty();
    const Expr& left = swapped ? match->rhs : match->lhs;
    const std::vector<int>& own = swapped ? match->rows : match->cols;
    Substitution names;
    const Array& from = array(id);
    std::string text;
    for (size_t i = 0; i < from.axes.size(); ++i) {
      int axis = static_cast<int>(i);
      bool col = std::find(own.begin(), own.end(), axis) != own.end();
      names[from.axes[i].get()] = var(make_var(cat({"i", i})));
      text += (col ? "*" : from.shape[i].to_string()) + ",";
    }
    for (const ReduceAxis& axis : match->reduce) {
      names[axis.var.get()] = var(make_var("k"));
      text += axis.extent.to_string() + ";";
    }
    return text + to_string(substitute(left, names));
  }

  bool same_left(const Cluster& a, const Cluster& b) const {
    std::set<std::string> lefts;
    for (const Cluster* c : {&a, &b}) {
      for (ArrayId id : c->arrays) {
        if (product(id)) lefts.insert(left_of(id));
      }
    }
    return lefts.size() <= 1;
  }

  void join_siblings();
  void join_tables();
  void join_attention();
  bool independent(int a, int b) const {
    return !clusters_.reaches(a, b) && !clusters_.reaches(b, a);
  }
  std::string sibling_key(const Cluster& c) const;
  std::optional<Cluster> join_as_siblings(const Cluster& a,
                                          const Cluster& b) const;

  StageGraph& graph_;
  const Accepts& accepts_;
  ClusterSet clusters_;
};

// What clusters must have in common to share a kernel without reading each
// other: products their left operand; maps their leading axes and an operand.
std::string Fuser::sibling_key(const Cluster& c) const {
  if (c.kind == GroupKind::kContraction) {
    for (ArrayId id : c.arrays) {
      if (product(id)) return left_of(id);
    }
  }
  if (c.kind != GroupKind::kRow || !is_map(c)) return "";
  const Shape& shape = array(c.arrays[0]).shape;
  if (shape.size() < 2) return "";
  return cat({"map ", shape[0].to_string(), ",", shape[1].to_string()});
}

std::optional<Cluster> Fuser::join_as_siblings(const Cluster& a,
                                               const Cluster& b) const {
  if (at_load(a) != at_load(b)) return std::nullopt;
  if (a.arrays.size() + b.arrays.size() > kMostArrays) return std::nullopt;
  const Shape& x = array(a.arrays[0]).shape;
  const Shape& y = array(b.arrays[0]).shape;
  size_t same = 0;
  while (same < std::min(x.size(), y.size()) && x[same] == y[same]) ++same;
  int rows = static_cast<int>(same);
  Cluster joined{a.kind, rows, together(a, b)};
  if (a.kind == GroupKind::kContraction) {
    bool whole = x == y;
    int outer = static_cast<int>(x.size()) - 1;
    joined.row_axes = whole ? rows : std::min(rows, outer);
    return joined;
  }
  // Maps: they must read something in common, or one pass is no saving.
  auto reads_of = [&](const Cluster& c) {
    std::set<ArrayId> ids;
    for (ArrayId id : c.arrays) {
      for (ArrayId operand : operands_of(array(id))) ids.insert(operand);
    }
    return ids;
  };
  std::set<ArrayId> left = reads_of(a), right = reads_of(b);
  bool common = std::any_of(left.begin(), left.end(), [&](ArrayId id) {
    return right.count(id) && array(id).shape.size() > 0;
  });
  bool whole = x == y;
  bool uniform = a.row_axes >= rows && b.row_axes >= rows;
  if (!common || !uniform || (!whole && rows < 2)) return std::nullopt;
  return joined;
}

void Fuser::join_siblings() {
  std::unordered_map<std::string, int> last;
  for (int c : clusters_.alive()) {
    std::string key = sibling_key(clusters_[c]);
    if (key.empty()) continue;
    auto found = last.find(key);
    if (found != last.end() && clusters_.alive(found->second) &&
        independent(found->second, c)) {
      int other = found->second;
      if (auto joined = join_as_siblings(clusters_[other], clusters_[c])) {
        clusters_.join(other, c, *joined);
      }
    }
    last[key] = c;
  }
}

// Maps that only one row group reads, at its rows: made row by row. Maps at
// single points may share fewer leading axes than they have.
void Fuser::join_tables() {
  for (int c : clusters_.alive()) {
    if (clusters_[c].kind != GroupKind::kRow) continue;
    for (int table : clusters_.operands(c)) {
      const Cluster& from = clusters_[table];
      const Cluster& reader = clusters_[c];
      if (from.kind != GroupKind::kRow || !is_map(from)) continue;
      if (at_load(from) != at_load(reader)) continue;
      if (!clusters_.only_reader(table, c)) continue;
      int rows = is_map(reader) ? 1 : reader.row_axes;
      for (; rows <= reader.row_axes; ++rows) {
        Cluster shared{GroupKind::kRow, rows, reader.arrays};
        if (!lift_into_rows(graph_, from, shared)) continue;
        shared.arrays = together(from, reader);
        clusters_.join(table, c, shared);
        break;
      }
    }
  }
}

// Scores, a row group over them that ends in weights, and the sum of values
// with these weights: one kernel if a strategy takes it.
void Fuser::join_attention() {
  for (int c : clusters_.alive()) {
    if (clusters_[c].kind != GroupKind::kContraction) continue;
    for (ArrayId id : std::vector<ArrayId>(clusters_[c].arrays)) {
      if (!product(id)) continue;
      for (ArrayId weights : operands_of(array(id))) {
        if (graph_.is_given(weights) || at_load(clusters_[c])) continue;
        int rows = clusters_.of(weights);
        if (rows == c || clusters_[rows].kind != GroupKind::kRow) continue;
        if (!clusters_.only_reader(rows, c)) continue;
        for (int scores : clusters_.operands(rows)) {
          if (clusters_[scores].kind != GroupKind::kContraction) continue;
          if (!clusters_.only_reader(scores, rows)) continue;
          Cluster inner{GroupKind::kAttention, 0,
                        together(clusters_[scores], clusters_[rows])};
          Cluster joined{GroupKind::kAttention, 0,
                         together(inner, clusters_[c])};
          if (!accepts_(graph_, joined)) continue;
          // Nobody else reads the parts, so no path leads around.
          clusters_.join(scores, rows, inner);
          clusters_.join(rows, c, joined);
          break;
        }
      }
    }
  }
}

}  // namespace

Schedule fuse(StageGraph graph, const Accepts& accepts) {
  Schedule schedule;
  schedule.clusters = Fuser(graph, accepts).run();
  schedule.graph = std::move(graph);
  return schedule;
}

}  // namespace lathe
