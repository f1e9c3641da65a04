#pragma once
// The passes of the compiler, in the order in which compile() runs them.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "codegen/compile.h"
#include "codegen/group.h"
#include "codegen/stage_graph.h"

namespace lathe {

// Lists every stage of every node as an array.
// Before: ops with definitions.  After: arrays; node boundaries are gone.
// Why here: everything later works on index expressions alone.
StageGraph flatten(const Graph& graph, const CompileOptions& options);

// Gives every reduction a stage of its own.
// After: a Reduce stands only at the root of a Compute body.
// Why here: sharing and fusion see reductions as stages.
StageGraph hoist_reductions(StageGraph graph);

// Marks what is evaluated when weights are loaded: arrays that depend on
// weights and constants only and take no more bytes than these. A wider one,
// such as the numbers behind quantised storage, is never stored: it `widens`,
// and is computed inside each of its readers. Why here: every reduction is a
// stage; sharing must not undo the marks.
StageGraph mark_at_load(StageGraph graph);

// Makes equal definitions one array and drops arrays that no output needs.
// Why here: before inlining copies bodies.
StageGraph share(StageGraph graph);

// Drops arrays that no output needs. Inputs and weights stay.
StageGraph prune(StageGraph graph);

// Substitutes maps into their readers where that costs no more work than
// the store and load it saves, and simplifies all indices.
// After: movement (reshape, transpose, slice) has no arrays of its own, but
// for graph outputs and data that a contraction would gather repeatedly.
// `codes_in_products`: products read codes of eight bits and their scales, and
// not what these stand for, which is four times as much.
StageGraph inline_maps(StageGraph graph, bool codes_in_products);

// Axis `axis` as [.., extent / inner, inner, ..].
struct SplitAxis {
  int axis = 0;
  int64_t inner = 1;
  bool operator==(const SplitAxis&) const = default;
};

// Arrays of a cluster that are a row group of their own, ascending.
struct RowArrays {
  int row_axes = 0;
  std::vector<ArrayId> arrays;
};

// One kernel to be: arrays computed together, ascending.
struct Cluster {
  GroupKind kind = GroupKind::kRow;
  int row_axes = 0;
  std::vector<ArrayId> arrays;
  // kRowContraction: the row groups, each before those that read it.
  std::vector<RowArrays> rows = {};
  // kRow: arrays whose row axes are not their first ones: their axes in the
  // order in which the group sees them. softmax(x[B, C, W], axis=1): {0, 2, 1}.
  std::map<ArrayId, std::vector<int>> order = {};
  // kRow, without an order: arrays that the group sees with one axis as two,
  // which in memory is the same. group_norm: channels as groups and channels
  // of a group, so that a group is a row.
  std::map<ArrayId, SplitAxis> split = {};
};

struct Schedule {
  StageGraph graph;
  std::vector<Cluster> clusters;  // in an order that respects all loads
};

// Whether some strategy would take a cluster of a kind that needs one.
using Accepts = std::function<bool(const StageGraph&, const Cluster&)>;

// Divides the arrays into clusters by rule: row groups, contractions with
// epilogues and siblings, streaming attention.
// After: every computed array is in exactly one cluster.
Schedule fuse(StageGraph graph, const Accepts& accepts);

// The cluster as a canonical value, and what its numbers stand for. No
// `stored`: nothing is.
struct PlacedGroup {
  Group group;
  Placement placement;
};
PlacedGroup make_group(const StageGraph& graph, const Cluster& cluster,
                       const std::vector<bool>& stored);

// What the group of a cluster depends on, and all that is known about it: equal
// questions have equal groups, whose operands are those that the clusters read
// in order of first use. No `stored`: nothing is.
Question question_of(const StageGraph& graph, const Cluster& cluster,
                     const std::vector<bool>& stored = {});
std::vector<ArrayId> operands_of(const StageGraph& graph,
                                 const Cluster& cluster);

// Arrays of row groups that the contraction of the same cluster or another of
// its row groups reads.
std::vector<ArrayId> handed_over(const StageGraph& graph,
                                 const Cluster& cluster);

// Arrays that a cluster other than their own reads, that are outputs, or that
// are handed over.
std::vector<bool> stored_arrays(const Schedule& schedule);

// The nodes whose work a cluster does, ascending. Views do no work.
std::vector<NodeId> work_of(const StageGraph& graph, const Cluster& cluster);

// "kernel k0  row  fuses add rms_norm", one line a cluster.
std::string to_string(const Schedule& schedule);

// All of the above up to fuse().
Schedule schedule(const Graph& graph, const Target& target,
                  const CompileOptions& options);

}  // namespace lathe
