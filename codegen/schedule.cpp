#include <algorithm>
#include <set>

#include "codegen/passes.h"
#include "codegen/strategy.h"
#include "spec/text.h"

namespace lathe {

Schedule schedule(const Graph& graph, const Target& target,
                  const CompileOptions& options) {
  StageGraph stages = flatten(graph, options);
  // From here on, ops and nodes are gone: only arrays and their definitions.
  stages = hoist_reductions(std::move(stages));
  stages = mark_at_load(std::move(stages));
  stages = share(std::move(stages));
  // From here on, no two arrays have the same definition.
  stages = inline_maps(std::move(stages), target.gpu.has_value());
  stages = share(std::move(stages));
  // From here on, every array is computed where its cluster is.
  Answers<bool> accepted;
  auto accepts = [&](const StageGraph& in, const Cluster& cluster) {
    return accepted.get(question_of(in, cluster), [&] {
      std::vector<bool> stored(in.arrays.size(), false);
      stored[cluster.arrays.back()] = true;
      for (ArrayId id : handed_over(in, cluster)) stored[id] = true;
      PlacedGroup placed = make_group(in, cluster, stored);
      return find_strategy(placed.group, target, options.generic_only) !=
             nullptr;
    });
  };
  Schedule made = fuse(std::move(stages), accepts);
  made.graph.formulas_worked_on += accepted.size();
  return made;
}

std::vector<ArrayId> handed_over(const StageGraph& graph,
                                 const Cluster& cluster) {
  std::set<ArrayId> found;
  for (const RowArrays& rows : cluster.rows) {
    auto in_rows = [&](ArrayId id) {
      return std::binary_search(rows.arrays.begin(), rows.arrays.end(), id);
    };
    for (ArrayId id : cluster.arrays) {
      if (in_rows(id)) continue;
      for (ArrayId operand : graph.arrays[id].operands) {
        if (in_rows(operand)) found.insert(operand);
      }
    }
  }
  return {found.begin(), found.end()};
}

std::vector<bool> stored_arrays(const Schedule& schedule) {
  const auto& arrays = schedule.graph.arrays;
  std::vector<int> cluster_of(arrays.size(), -1);
  for (size_t c = 0; c < schedule.clusters.size(); ++c) {
    for (ArrayId id : schedule.clusters[c].arrays) {
      cluster_of[id] = static_cast<int>(c);
    }
  }
  std::vector<bool> stored(arrays.size(), false);
  for (size_t id = 0; id < arrays.size(); ++id) {
    stored[id] = stored[id] || arrays[id].stored;
    for (ArrayId operand : arrays[id].operands) {
      if (cluster_of[operand] != cluster_of[id]) stored[operand] = true;
    }
  }
  for (const Cluster& cluster : schedule.clusters) {
    for (ArrayId id : handed_over(schedule.graph, cluster)) stored[id] = true;
  }
  return stored;
}

std::string to_string(const Schedule& schedule) {
  std::string text;
  int runs = 0, loads = 0;
  for (const Cluster& cluster : schedule.clusters) {
    const Array& last = schedule.graph.arrays[cluster.arrays.back()];
    text += last.at_load ? cat({"kernel load", loads++})
                         : cat({"kernel k", runs++});
    text += cat({"  ", to_string(cluster.kind), "  fuses"});
    for (NodeId node : work_of(schedule.graph, cluster)) {
      text += " " + schedule.graph.ops[node];
    }
    text += "\n";
  }
  return text;
}

std::vector<NodeId> work_of(const StageGraph& graph, const Cluster& cluster) {
  std::vector<NodeId> work;
  for (ArrayId id : cluster.arrays) {
    const std::vector<NodeId>& own = graph.arrays[id].work;
    work.insert(work.end(), own.begin(), own.end());
  }
  std::sort(work.begin(), work.end());
  work.erase(std::unique(work.begin(), work.end()), work.end());
  return work;
}

}  // namespace lathe
