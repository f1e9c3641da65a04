#pragma once
// What clusters with equal groups have in common: loops, kernels, layouts of
// operands, launches. All of it is made for the first of them.

#include <string>
#include <unordered_map>
#include <vector>

#include "codegen/compile.h"
#include "codegen/passes.h"
#include "codegen/strategy.h"

namespace lathe {

struct Lowered {
  std::vector<int> kernels;  // the group's, then those after it; -1: none
  LoweredGroup group;
};

// How an operand is packed, whatever arrays it is made of.
struct Packing {
  Group group;
  std::vector<int>
      operands;    // of PackedOperand::operands, in the group's order
  int number = 0;  // the same for equal groups
};

// What clusters with equal groups have in common.
struct ClusterPlan {
  const Lowered* lowered = nullptr;
  Placement placement;      // of the first such cluster
  std::vector<Step> steps;  // without buffers and place
  std::vector<Packing> packings;
};

const LoweredKernel& kernel_of(const Lowered& lowered, size_t k);
bool uses_library(const LoweredGroup& group);
DimSubstitution symbols_of(const Placement& placement);

class ClusterPlans {
 public:
  ClusterPlans(const Graph& graph, const Schedule& schedule,
               const Target& target, const CompileOptions& options,
               const std::vector<bool>& stored)
      : graph_(graph),
        schedule_(schedule),
        target_(target),
        options_(options),
        stored_(stored) {}

  const ClusterPlan& plan_of(const Cluster& cluster) {
    return plans_.get(question_of(schedule_.graph, cluster, stored_),
                      [&] { return make_plan(cluster); });
  }
  // The kernel that packs.
  const Lowered& lower(const Packing& packing);
  // The group's steps, for these symbols.
  std::vector<Step> steps_of(const Lowered& lowered, const Placement& placement,
                             const DimSubstitution& symbols) const;

  std::vector<Kernel> take_kernels() { return std::move(kernels_); }

 private:
  ClusterPlan make_plan(const Cluster& cluster);
  Packing packing_of(const PackedOperand& packed, const Placement& placement);
  const Lowered& lower(const Group& group, const std::string& comment,
                       bool generic_only);
  int add_kernel(const LoopKernel& loops, const char* strategy,
                 const std::string& comment);
  std::string comment_of(const Cluster& cluster) const;

  const Graph& graph_;
  const Schedule& schedule_;
  const Target& target_;
  const CompileOptions& options_;
  const std::vector<bool>& stored_;
  std::vector<Kernel> kernels_;
  Answers<ClusterPlan> plans_;
  std::unordered_map<std::string, Lowered> lowered_;  // by group
  std::unordered_map<std::string, int> kernel_numbers_, packing_numbers_;
  std::unordered_map<int, const Lowered*> packings_;  // by number
};

}  // namespace lathe
