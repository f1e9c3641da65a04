#pragma once
// A partition of the arrays into clusters that grow by joining, with the
// questions that fusion asks: who reads whom, and is there a way around.

#include <vector>

#include "codegen/passes.h"

namespace lathe {

class ClusterSet {
 public:
  explicit ClusterSet(const StageGraph& graph);

  // A new cluster of one array. Arrays are added in ascending order.
  void add(ArrayId id, GroupKind kind, int row_axes);
  // `to` becomes `joined`, which holds the arrays of both; `from` is gone.
  void join(int from, int to, Cluster joined);

  const Cluster& operator[](int c) const { return clusters_[c]; }
  int of(ArrayId id) const { return cluster_of_[id]; }
  bool alive(int c) const { return !clusters_[c].arrays.empty(); }
  std::vector<int> alive() const;

  // Clusters that `c` reads.
  std::vector<int> operands(int c) const;
  // True if nobody but `reader` reads `c`, and it holds no graph output.
  bool only_reader(int c, int reader) const;
  // True if `from` depends on `to`, directly or not.
  bool reaches(int from, int to) const;
  // True if `to` reads `from` through a third cluster too, so that joining the
  // two would make a cycle.
  bool path_around(int from, int to) const;

  // All clusters, each after those it reads.
  std::vector<Cluster> in_order() const;

 private:
  bool search(const std::vector<int>& starts, int wanted) const;

  const StageGraph& graph_;
  std::vector<Cluster> clusters_;
  std::vector<int> cluster_of_;                // by array; -1: given
  std::vector<std::vector<ArrayId>> readers_;  // by array
};

}  // namespace lathe
