#include "codegen/cluster_plans.h"

#include <fmt/core.h>

#include <algorithm>

#include "codegen/cuda/render_cuda.h"
#include "codegen/kernel_abi.h"
#include "codegen/render.h"
#include "codegen/rewrite.h"
#include "codegen/size_arguments.h"
#include "interpreter/index_fault.h"
#include "spec/check.h"

namespace lathe {
namespace {

// FNV-1a, twice with different seeds: kernel names must not clash.
std::string hash_of(const std::string& text) {
  uint64_t a = 14695981039346656037ull, b = 0x9e3779b97f4a7c15ull;
  for (char c : text) {
    a = (a ^ static_cast<unsigned char>(c)) * 1099511628211ull;
    b = (b ^ static_cast<unsigned char>(c)) * 0x100000001b3ull + 0x632be5abull;
  }
  return fmt::format("{:016x}", a ^ (b << 1 | b >> 63));
}

LibraryProduct placed_product(const LibraryProduct& product,
                              const DimSubstitution& symbols) {
  LibraryProduct placed = product;
  for (Dim* dim :
       {&placed.rows, &placed.columns, &placed.depth, &placed.left_stride,
        &placed.right_stride, &placed.result_stride, &placed.wanted}) {
    *dim = dim->substitute(symbols);
  }
  placed.choice = symbols.at(kLibraryChoice).symbol_name();
  return placed;
}

}  // namespace

const LoweredKernel& kernel_of(const Lowered& lowered, size_t k) {
  return k == 0 ? lowered.group : lowered.group.after[k - 1];
}

bool uses_library(const LoweredGroup& group) {
  return std::any_of(
      group.after.begin(), group.after.end(),
      [](const LoweredKernel& k) { return k.product.has_value(); });
}

DimSubstitution symbols_of(const Placement& placement) {
  DimSubstitution symbols;
  for (size_t i = 0; i < placement.symbols.size(); ++i) {
    symbols[cat({"n", i})] = Dim::symbol(placement.symbols[i]);
  }
  return symbols;
}

ClusterPlan ClusterPlans::make_plan(const Cluster& cluster) {
  PlacedGroup placed = make_group(schedule_.graph, cluster, stored_);
  ClusterPlan plan;
  plan.lowered =
      &lower(placed.group, comment_of(cluster), options_.generic_only);
  const LoweredGroup& group = plan.lowered->group;
  if (!uses_library(group)) {
    plan.steps =
        steps_of(*plan.lowered, placed.placement, symbols_of(placed.placement));
  }
  for (const PackedOperand& packed : group.packed) {
    plan.packings.push_back(packing_of(packed, placed.placement));
  }
  plan.placement = std::move(placed.placement);
  return plan;
}

Packing ClusterPlans::packing_of(const PackedOperand& packed,
                                 const Placement& placement) {
  StageGraph graph;
  for (int operand : packed.operands) {
    Array given = schedule_.graph.arrays[placement.operands[operand]];
    given.operands.clear();
    given.formula = std::make_shared<const Formula>(
        Formula{given.dtype(), given.shape(), {}, Given{NodeKind::kWeight}});
    graph.arrays.push_back(std::move(given));
  }
  const Stage& stage = packed.stage;
  NumberedFormula formula = number_slots(
      {stage.dtype, stage.shape, stage.axes, std::get<Compute>(stage.kind)});
  Array array;
  array.name = stage.name;
  array.formula = std::move(formula.formula);
  array.operands = std::move(formula.slots);
  graph.arrays.push_back(std::move(array));
  Cluster cluster;
  cluster.row_axes = static_cast<int>(stage.shape.size());
  cluster.arrays = {static_cast<int>(graph.arrays.size()) - 1};
  std::vector<bool> stored(graph.arrays.size(), true);
  PlacedGroup placed = make_group(graph, cluster, stored);
  const int next = static_cast<int>(packing_numbers_.size());
  auto number = packing_numbers_.emplace(to_string(placed.group), next).first;
  return {std::move(placed.group), std::move(placed.placement.operands),
          number->second};
}

const Lowered& ClusterPlans::lower(const Packing& packing) {
  auto [it, inserted] = packings_.emplace(packing.number, nullptr);
  if (inserted) {
    // Moving numbers about needs no vectors of ours, adding them up does.
    const Stage& stage = packing.group.stage(0);
    const bool sums = contains<Reduce>(body_of(stage));
    it->second = &lower(packing.group, "// a layout of weights\n", !sums);
  }
  return *it->second;
}

const Lowered& ClusterPlans::lower(const Group& group,
                                   const std::string& comment,
                                   bool generic_only) {
  std::string key = to_string(group) + (generic_only ? "generic" : "");
  const auto place = lowered_.emplace(key, Lowered{});
  Lowered& made = place.first->second;
  if (!place.second) return made;
  const Strategy* strategy = find_strategy(group, target_, generic_only);
  LATHE_CHECK(strategy != nullptr, "no strategy takes ", to_string(group));
  made.group = strategy->lower(group, target_);
  auto add = [&](LoweredKernel& lowered) {
    if (lowered.product) {
      made.kernels.push_back(-1);
      return;
    }
    if (target_.gpu) move_sizes_to_arguments(lowered.kernel);
    verify(lowered.kernel);
    const char* name = lowered.strategy ? lowered.strategy : strategy->name;
    made.kernels.push_back(add_kernel(lowered.kernel, name, comment));
  };
  add(made.group);
  for (LoweredKernel& kernel : made.group.after) add(kernel);
  return made;
}

int ClusterPlans::add_kernel(const LoopKernel& loops, const char* strategy,
                             const std::string& comment) {
  std::string hash = hash_of(render_kernel(loops, "kernel", target_));
  Kernel kernel;
  kernel.name = cat({strategy, "_", hash});
  auto [it, inserted] =
      kernel_numbers_.emplace(kernel.name, static_cast<int>(kernels_.size()));
  if (!inserted) return it->second;
  kernel.text = render_kernel(loops, kernel.name, target_);
  kernel.commented = comment;
  for (size_t i = 0; i < loops.sizes.size(); ++i) {
    kernel.commented +=
        cat({"// size", i, " = ", loops.sizes[i].to_string(), "\n"});
  }
  kernel.commented += kernel.text;
  kernel.buffers = static_cast<int>(loops.buffers.size());
  kernel.dims = static_cast<int>(loops.symbols.size() + loops.sizes.size());
  if (target_.gpu) kernel.launch = cuda::launch_of(loops);
  kernels_.push_back(std::move(kernel));
  return it->second;
}

// Where the work of a kernel stands in the model: its first use.
std::string ClusterPlans::comment_of(const Cluster& cluster) const {
  std::string text;
  for (NodeId node : work_of(schedule_.graph, cluster)) {
    const Node& from = graph_.nodes[node];
    text += cat({"// ", from.path, from.path.empty() ? "" : ": ",
                 schedule_.graph.ops[node], " (", place_of(from.span), ")\n"});
  }
  return text;
}

std::vector<Step> ClusterPlans::steps_of(const Lowered& lowered,
                                         const Placement& placement,
                                         const DimSubstitution& symbols) const {
  std::vector<Step> steps;
  for (size_t k = 0; k < lowered.kernels.size(); ++k) {
    const LoweredKernel& kernel = kernel_of(lowered, k);
    Step step;
    step.kernel = lowered.kernels[k];
    step.items = kernel.items.substitute(symbols);
    step.cost = kernel.cost.substitute(symbols);
    if (kernel.yields) step.unless = symbols.at(kLibraryChoice).symbol_name();
    if (kernel.product) {
      step.product = placed_product(*kernel.product, symbols);
    } else {
      for (const std::string& symbol : placement.symbols) {
        step.dims.push_back(Dim::symbol(symbol));
      }
      for (const Dim& size : kernel.kernel.sizes) {
        step.dims.push_back(size.substitute(symbols));
      }
    }
    for (int site : placement.sites) {
      const Node& node = graph_.nodes[site];
      step.faults.push_back(
          {node.op, node.path, node.span, writes_at_indices(*node.definition)});
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace lathe
