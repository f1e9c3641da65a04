#include <unordered_map>

#include "codegen/fuser.h"
#include "codegen/lift_rows.h"
#include "spec/text.h"

namespace lathe {

// What clusters must have in common to share a kernel without reading each
// other: products their left operand; maps their leading axes and an operand.
std::string Fuser::sibling_key(const Cluster& c) const {
  if (c.kind == GroupKind::kContraction) {
    for (ArrayId id : c.arrays) {
      if (product(id)) return left_of(id);
    }
  }
  if (c.kind != GroupKind::kRow || !is_map(c)) return "";
  const Shape& shape = array(c.arrays[0]).shape();
  if (shape.size() < 2) return "";
  return cat({"map ", shape[0].to_string(), ",", shape[1].to_string()});
}

std::optional<Cluster> Fuser::join_as_siblings(const Cluster& a,
                                               const Cluster& b) const {
  if (at_load(a) != at_load(b)) return std::nullopt;
  if (a.arrays.size() + b.arrays.size() > kMostArrays) return std::nullopt;
  const Shape& x = array(a.arrays[0]).shape();
  const Shape& y = array(b.arrays[0]).shape();
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
      for (ArrayId operand : array(id).operands) ids.insert(operand);
    }
    return ids;
  };
  std::set<ArrayId> left = reads_of(a), right = reads_of(b);
  bool common = std::any_of(left.begin(), left.end(), [&](ArrayId id) {
    return right.count(id) && array(id).shape().size() > 0;
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
    // What a joined table reads may be one, too.
    while (clusters_[c].kind == GroupKind::kRow && join_table(c)) {
    }
  }
}

bool Fuser::join_table(int c) {
  const Cluster& reader = clusters_[c];
  for (int table : clusters_.operands(c)) {
    const Cluster& from = clusters_[table];
    if (from.kind != GroupKind::kRow || !is_map(from)) continue;
    if (!in_order(reader)) continue;
    if (at_load(from) != at_load(reader)) continue;
    if (!clusters_.only_reader(table, c)) continue;
    int rows = is_map(reader) ? 1 : reader.row_axes;
    for (; rows <= reader.row_axes; ++rows) {
      Cluster shared{GroupKind::kRow, rows, reader.arrays};
      if (!lift_into_rows(graph_, from, shared, lifted_)) continue;
      shared.arrays = together(from, reader);
      clusters_.join(table, c, shared);
      return true;
    }
  }
  return false;
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
        if (!in_order(clusters_[rows])) continue;
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

// Products of few rows may compute what they read of the rows themselves, and
// what these read of others, if a strategy says so.
void Fuser::join_prologues() {
  for (int c : clusters_.alive()) {
    if (clusters_[c].kind != GroupKind::kContraction) continue;
    if (at_load(clusters_[c])) continue;
    bool joined = true;
    while (joined) {
      const std::vector<int> operands = clusters_.operands(c);
      joined = std::any_of(operands.begin(), operands.end(),
                           [&](int rows) { return join_prologue(rows, c); });
    }
  }
}

bool Fuser::join_prologue(int rows, int c) {
  const Cluster& from = clusters_[rows];
  if (from.kind != GroupKind::kRow || at_load(from)) return false;
  if (!in_order(from)) return false;
  // Then no path leads around, either.
  if (!clusters_.only_reader(rows, c)) return false;
  Cluster joined{GroupKind::kRowContraction, 0, together(from, clusters_[c])};
  // Nothing that has joined so far is read by it: all that does was read by
  // the others alone.
  joined.rows = {{from.row_axes, from.arrays}};
  joined.rows.insert(joined.rows.end(), clusters_[c].rows.begin(),
                     clusters_[c].rows.end());
  if (joined.arrays.size() > kMostArrays) return false;
  if (!accepts_(graph_, joined)) return false;
  clusters_.join(rows, c, joined);
  return true;
}

}  // namespace lathe
