#include "codegen/assemble.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "codegen/cluster_plans.h"
#include "spec/check.h"

namespace lathe {
namespace {

class Assembler {
 public:
  Assembler(const Graph& graph, const Schedule& schedule, const Target& target,
            const CompileOptions& options)
      : graph_(graph),
        schedule_(schedule),
        arrays_(schedule.graph.arrays),
        options_(options),
        stored_(stored_arrays(schedule)),
        plans_(graph, schedule, target, options, stored_) {}

  Program run() {
    for (const GraphInput& input : graph_.inputs) {
      for (size_t id = 0; id < arrays_.size(); ++id) {
        if (arrays_[id].value != input.value) continue;
        if (!schedule_.graph.is_given(static_cast<int>(id))) continue;
        program_.inputs.push_back({input.name, buffer_of(static_cast<int>(id)),
                                   input.default_value, input.span});
      }
    }
    for (const Cluster& cluster : schedule_.clusters) add_cluster(cluster);
    for (size_t i = 0; i < graph_.outputs.size(); ++i) {
      Port port;
      port.name = graph_.outputs[i].name;
      port.buffer = buffer_of(schedule_.graph.outputs[i]);
      program_.outputs.push_back(std::move(port));
    }
    if (options_.keep_all_values) add_kept_values();
    find_lifetimes();
    program_.kernels = plans_.take_kernels();
    return std::move(program_);
  }

 private:
  // Ports for the stored values that are no outputs of the graph.
  void add_kept_values() {
    std::set<ArrayId> known(schedule_.graph.outputs.begin(),
                            schedule_.graph.outputs.end());
    for (size_t id = 0; id < arrays_.size(); ++id) {
      if (!arrays_[id].stored ||
          !known.insert(static_cast<ArrayId>(id)).second) {
        continue;
      }
      Port port;
      port.buffer = buffer_of(static_cast<ArrayId>(id));
      port.name = program_.buffers[port.buffer].name;
      program_.outputs.push_back(std::move(port));
    }
  }

  BufferRole role_of(ArrayId id) const {
    const Array& array = arrays_[id];
    if (auto* given = std::get_if<Given>(&array.kind())) {
      return given->kind == NodeKind::kInput    ? BufferRole::kInput
             : given->kind == NodeKind::kWeight ? BufferRole::kWeight
                                                : BufferRole::kConstant;
    }
    if (array.stored) return BufferRole::kOutput;
    return array.at_load ? BufferRole::kPacked : BufferRole::kTemp;
  }

  // The layer's path and the value's name: "block.mlp.y".
  std::string name_of(const Array& array) const {
    bool named = array.value >= 0;
    std::string name = named ? graph_.values[array.value].name : array.name;
    bool given = std::holds_alternative<Given>(array.kind());
    if (given || array.node < 0) return name;
    const std::string& path = graph_.nodes[array.node].path;
    return path.empty() ? name : cat({path, ".", name});
  }

  int add_buffer(Buffer buffer) {
    program_.buffers.push_back(std::move(buffer));
    return static_cast<int>(program_.buffers.size()) - 1;
  }

  int buffer_of(ArrayId id) {
    auto [it, inserted] = buffers_.emplace(id, -1);
    if (!inserted) return it->second;
    const Array& array = arrays_[id];
    Buffer buffer;
    buffer.role = role_of(id);
    buffer.name = name_of(array);
    buffer.dtype = array.dtype();
    buffer.shape = array.shape();
    buffer.value = array.value;
    if (buffer.role == BufferRole::kConstant) {
      buffer.constant = graph_.nodes[array.node].constant;
    }
    return it->second = add_buffer(std::move(buffer));
  }

  void add_cluster(const Cluster& cluster) {
    const StageGraph& graph = schedule_.graph;
    const ClusterPlan& plan = plans_.plan_of(cluster);
    Placement placement = plan.placement;
    placement.operands = operands_of(graph, cluster);
    placement.outputs.clear();
    for (ArrayId id : cluster.arrays) {
      if (stored_[id]) placement.outputs.push_back(id);
    }
    const Lowered& lowered = *plan.lowered;
    DimSubstitution symbols = symbols_of(placement);
    std::vector<Step> made = plan.steps;
    if (uses_library(lowered.group)) {
      symbols[kLibraryChoice] = Dim::symbol(add_choice());
      made = plans_.steps_of(lowered, placement, symbols);
    }
    const std::vector<int> scratch = scratch_buffers(lowered.group, symbols);
    const std::string work = ops_of(cluster);
    bool at_load = arrays_[cluster.arrays.back()].at_load;
    auto& steps = at_load ? program_.load_steps : program_.steps;
    for (size_t k = 0; k < made.size(); ++k) {
      Step step = std::move(made[k]);
      if (step.product) step.what = "library";
      if (!work.empty()) step.what += (step.what.empty() ? "" : " ") + work;
      if (NodeId node = arrays_[cluster.arrays.front()].node; node >= 0) {
        step.path = graph_.nodes[node].path;
        step.span = graph_.nodes[node].span;
      }
      for (const BufferBinding& binding : kernel_of(lowered, k).bindings) {
        step.buffers.push_back(bound_buffer(binding, plan, placement, scratch));
      }
      steps.push_back(std::move(step));
    }
  }

  // A name that no size of the model has.
  const std::string& add_choice() {
    std::string name = cat({kLibraryChoice, program_.choices.size()});
    const auto& taken = graph_.symbols;
    while (std::find(taken.begin(), taken.end(), name) != taken.end()) {
      name += "_";
    }
    return program_.choices.emplace_back(std::move(name));
  }

  std::vector<int> scratch_buffers(const LoweredGroup& group,
                                   const DimSubstitution& symbols) {
    std::vector<int> buffers;
    for (const Scratch& scratch : group.scratch) {
      Buffer buffer;
      buffer.name = scratch.name;
      buffer.dtype = scratch.dtype;
      for (const Dim& dim : scratch.shape) {
        buffer.shape.push_back(dim.substitute(symbols));
      }
      buffers.push_back(add_buffer(std::move(buffer)));
    }
    return buffers;
  }

  int bound_buffer(const BufferBinding& binding, const ClusterPlan& plan,
                   const Placement& placement,
                   const std::vector<int>& scratch) {
    switch (binding.source) {
      case BufferSource::kOperand:
        return buffer_of(placement.operands[binding.index]);
      case BufferSource::kOutput:
        return buffer_of(placement.outputs[binding.index]);
      case BufferSource::kPacked:
        return packed_buffer(plan.lowered->group.packed[binding.index],
                             plan.packings[binding.index], placement);
      case BufferSource::kScratch:
        return scratch[binding.index];
      case BufferSource::kCounts:
        return counts_buffer(binding.index);
    }
    LATHE_CHECK(false, "no such source");
    return -1;
  }

  int counts_buffer(int size) {
    auto [it, inserted] = counts_.emplace(size, -1);
    if (!inserted) return it->second;
    Buffer buffer;
    buffer.role = BufferRole::kConstant;
    buffer.name = "counts";
    buffer.dtype = DType::kInt32;
    buffer.shape = {Dim(size)};
    buffer.constant = std::make_shared<const Tensor>(
        buffer.dtype, std::vector<int64_t>{size});
    return it->second = add_buffer(std::move(buffer));
  }

  // The buffer in the layout that a kernel asked for; the same layout of the
  // same weights is made once.
  int packed_buffer(const PackedOperand& packed, const Packing& packing,
                    const Placement& placement) {
    std::vector<int> buffers;
    std::string key;
    for (int operand : packed.operands) {
      buffers.push_back(buffer_of(placement.operands[operand]));
      key += cat({buffers.back(), " "});
    }
    key += cat({packing.number});
    auto [it, inserted] = packed_.emplace(key, -1);
    if (!inserted) return it->second;
    Buffer buffer;
    buffer.role = BufferRole::kPacked;
    const std::string from = program_.buffers[buffers[0]].name;
    buffer.name = from + "." + packed.stage.name;
    buffer.dtype = packed.stage.dtype;
    buffer.shape = packed.stage.shape;
    const int made = it->second = add_buffer(std::move(buffer));
    const Lowered& lowered = plans_.lower(packing);
    const std::vector<int> scratch = scratch_buffers(lowered.group, {});
    for (size_t k = 0; k < lowered.kernels.size(); ++k) {
      const LoweredKernel& kernel = kernel_of(lowered, k);
      Step step;
      step.kernel = lowered.kernels[k];
      step.items = kernel.items;
      step.cost = kernel.cost;
      step.what = "pack " + from;
      for (const BufferBinding& binding : kernel.bindings) {
        const auto index = static_cast<size_t>(binding.index);
        step.buffers.push_back(
            binding.source == BufferSource::kOutput    ? made
            : binding.source == BufferSource::kScratch ? scratch[index]
            : binding.source == BufferSource::kCounts
                ? counts_buffer(binding.index)
                : buffers[size_t(packing.operands[index])]);
      }
      program_.load_steps.push_back(std::move(step));
    }
    return made;
  }

  std::string ops_of(const Cluster& cluster) const {
    std::string text;
    for (NodeId node : work_of(schedule_.graph, cluster)) {
      text += (text.empty() ? "" : " ") + schedule_.graph.ops[node];
    }
    return text;
  }

  void find_lifetimes() {
    std::vector<bool> seen(program_.buffers.size(), false);
    for (size_t s = 0; s < program_.steps.size(); ++s) {
      for (int b : program_.steps[s].buffers) {
        Buffer& buffer = program_.buffers[b];
        if (!seen[b]) buffer.first = static_cast<int>(s);
        buffer.last = static_cast<int>(s);
        seen[b] = true;
      }
    }
  }

  const Graph& graph_;
  const Schedule& schedule_;
  const std::vector<Array>& arrays_;
  const CompileOptions& options_;
  std::vector<bool> stored_;
  ClusterPlans plans_;
  Program program_;
  std::unordered_map<ArrayId, int> buffers_;
  std::unordered_map<std::string, int> packed_;
  std::unordered_map<int, int> counts_;  // by size
};

}  // namespace

Program assemble(const Graph& graph, const Schedule& schedule,
                 const Target& target, const CompileOptions& options) {
  return Assembler(graph, schedule, target, options).run();
}

}  // namespace lathe
