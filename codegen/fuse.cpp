#include "codegen/passes.h"

namespace lathe {

Schedule fuse(StageGraph graph, const Accepts&) {
  Schedule schedule;
  for (size_t id = 0; id < graph.arrays.size(); ++id) {
    if (graph.is_given(static_cast<int>(id))) continue;
    const Array& array = graph.arrays[id];
    Cluster cluster;
    cluster.arrays = {static_cast<int>(id)};
    cluster.row_axes = static_cast<int>(array.shape.size());
    if (!std::holds_alternative<Compute>(array.kind)) {
      cluster.kind = GroupKind::kSequential;
    }
    schedule.clusters.push_back(std::move(cluster));
  }
  schedule.graph = std::move(graph);
  return schedule;
}

}  // namespace lathe
