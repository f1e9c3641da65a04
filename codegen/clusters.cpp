#include "codegen/clusters.h"

#include <algorithm>
#include <queue>
#include <set>
#include <unordered_set>

namespace lathe {

ClusterSet::ClusterSet(const StageGraph& graph)
    : graph_(graph),
      cluster_of_(graph.arrays.size(), -1),
      readers_(graph.arrays.size()) {}

void ClusterSet::add(ArrayId id, GroupKind kind, int row_axes) {
  cluster_of_[id] = static_cast<int>(clusters_.size());
  clusters_.push_back({kind, row_axes, {id}});
  for (ArrayId operand : graph_.arrays[id].operands) {
    readers_[operand].push_back(id);
  }
}

void ClusterSet::join(int from, int to, Cluster joined) {
  for (ArrayId id : clusters_[from].arrays) cluster_of_[id] = to;
  clusters_[from].arrays.clear();
  clusters_[to] = std::move(joined);
}

std::vector<int> ClusterSet::alive() const {
  std::vector<int> ids;
  for (size_t c = 0; c < clusters_.size(); ++c) {
    if (alive(static_cast<int>(c))) ids.push_back(static_cast<int>(c));
  }
  return ids;
}

std::vector<int> ClusterSet::operands(int c) const {
  std::set<int> found;
  for (ArrayId id : clusters_[c].arrays) {
    for (ArrayId operand : graph_.arrays[id].operands) {
      int other = cluster_of_[operand];
      if (other >= 0 && other != c) found.insert(other);
    }
  }
  return {found.begin(), found.end()};
}

bool ClusterSet::only_reader(int c, int reader) const {
  for (ArrayId id : clusters_[c].arrays) {
    if (graph_.arrays[id].stored) return false;
    for (ArrayId by : readers_[id]) {
      if (cluster_of_[by] != c && cluster_of_[by] != reader) return false;
    }
  }
  return true;
}

// Arrays are numbered in order, so a cluster whose arrays all come before the
// wanted one's cannot depend on it: the search stays near.
bool ClusterSet::search(const std::vector<int>& starts, int wanted) const {
  ArrayId first = clusters_[wanted].arrays.front();
  std::unordered_set<int> seen;
  std::vector<int> todo = starts;
  while (!todo.empty()) {
    int c = todo.back();
    todo.pop_back();
    if (c == wanted) return true;
    if (!seen.insert(c).second || clusters_[c].arrays.back() < first) continue;
    for (int next : operands(c)) todo.push_back(next);
  }
  return false;
}

bool ClusterSet::reaches(int from, int to) const {
  return search(operands(from), to);
}

bool ClusterSet::path_around(int from, int to) const {
  std::vector<int> others;
  for (int c : operands(to)) {
    if (c != from) others.push_back(c);
  }
  return search(others, from);
}

std::vector<Cluster> ClusterSet::in_order() const {
  std::vector<int> waiting(clusters_.size(), 0);
  std::vector<std::vector<int>> followers(clusters_.size());
  // Ready clusters by their last array: the order of the model.
  using Entry = std::pair<ArrayId, int>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> ready;
  for (int c : alive()) {
    std::vector<int> from = operands(c);
    waiting[c] = static_cast<int>(from.size());
    for (int other : from) followers[other].push_back(c);
    if (from.empty()) ready.push({clusters_[c].arrays.back(), c});
  }
  std::vector<Cluster> order;
  while (!ready.empty()) {
    int c = ready.top().second;
    ready.pop();
    order.push_back(clusters_[c]);
    for (int next : followers[c]) {
      if (--waiting[next] == 0) {
        ready.push({clusters_[next].arrays.back(), next});
      }
    }
  }
  return order;
}

}  // namespace lathe
