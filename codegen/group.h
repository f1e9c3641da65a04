#pragma once
// A group: stages that one kernel computes, as a value of its own.
//
// A group is a Definition again (so the reference can evaluate it) over
// operands with known types. It is canonical: operands are numbered by first
// use, symbols are named n0, n1, ..., index variables i0, i1, ..., check sites
// 0, 1, ...; so equal layers give equal groups and are lowered once. Where it
// came from (array ids, symbols, sites) is kept beside it in Placement.

#include <string>
#include <vector>

#include "interpreter/definition.h"
#include "interpreter/graph.h"

namespace lathe {

enum class GroupKind : uint8_t {
  // Every stage is a map or a reduction, and every load of a stage by a later
  // one has the same leading `row_axes` indices: all work on a row is local.
  // To that end stages may have their axes in another order than memory.
  // A pure elementwise group is the case without reductions.
  kRow,
  // One or more sums of products over the same left operand, followed by maps
  // over the same axes (bias, activation, gate, residual).
  kContraction,
  // Row groups and the only contraction that reads the last of them.
  kRowContraction,
  // Sum of products (scores), maps, a softmax-like row group over the scores'
  // last axis, and a sum of products over that axis.
  kAttention,
  // A single scan, update or sort.
  kSequential,
};
const char* to_string(GroupKind kind);

struct GroupOperand {
  DType dtype = DType::kFloat32;
  Shape shape;
  bool at_load = false;  // known when weights are loaded: may be packed
};

// Stages of a group that are a row group of their own.
struct RowStages {
  int row_axes = 0;
  std::vector<int> stages;  // ascending
};

struct Group {
  GroupKind kind = GroupKind::kRow;
  int row_axes = 0;  // kRow: leading axes that all stages share
  std::vector<GroupOperand> operands;
  // Stages in order. Outputs are stored in memory in their dtype; all other
  // stages are local to the kernel. Narrow floats among them have become
  // kFloat32, so that nothing is rounded on the way; integers still wrap.
  Definition definition;
  std::vector<std::string> symbols;  // n0, n1, ... that shapes mention
  // kRowContraction: the row groups, each before those that read it. What they
  // and the contraction read of each other are outputs: memory holds them
  // wherever these are kernels of their own.
  std::vector<RowStages> rows;

  // By stage: at i which of its axes is the i-th in memory, where an output
  // lies in another order than its stage has; {}: as it is. Empty: so are all.
  std::vector<std::vector<int>> layout;

  const Stage& stage(int s) const { return definition.stages[s]; }
  int slot_of_stage(int s) const { return definition.inputs + s; }
  bool is_output(int s) const;
};

// What a map or reduction computes at a point. Requires: the stage is one.
inline const Expr& body_of(const Stage& stage) {
  return std::get<Compute>(stage.kind).body;
}

// Whether a map or reduction of the group checks an index that is data.
bool checks_indices(const Group& group);

// The text of everything that decides the kernel; equal text, equal kernel.
std::string to_string(const Group& group);

// What the canonical numbers of a group stand for in the stage graph.
struct Placement {
  std::vector<int> operands;         // array of each operand
  std::vector<int> outputs;          // array of each output
  std::vector<std::string> symbols;  // name of each symbol
  std::vector<int> sites;            // graph node of each check site
};

}  // namespace lathe
