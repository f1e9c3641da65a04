#include "codegen/assemble.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "codegen/cuda/render_cuda.h"
#include "codegen/kernel_abi.h"
#include "codegen/render.h"
#include "codegen/rewrite.h"
#include "codegen/strategy.h"
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

struct Lowered {
  std::vector<int> kernels;  // the group's, then those after it; -1: none
  LoweredGroup group;
};

class Assembler {
 public:
  Assembler(const Graph& graph, const Schedule& schedule, const Target& target,
            const CompileOptions& options)
      : graph_(graph),
        schedule_(schedule),
        arrays_(schedule.graph.arrays),
        target_(target),
        options_(options),
        stored_(stored_arrays(schedule)) {}

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
    if (auto* given = std::get_if<Given>(&array.kind)) {
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
    bool given = std::holds_alternative<Given>(array.kind);
    if (given || array.node < 0) return name;
    const std::string& path = graph_.nodes[array.node].path;
    return path.empty() ? name : cat({path, ".", name});
  }

  int buffer_of(ArrayId id) {
    auto [it, inserted] = buffers_.emplace(id, -1);
    if (!inserted) return it->second;
    const Array& array = arrays_[id];
    Buffer buffer;
    buffer.role = role_of(id);
    buffer.name = name_of(array);
    buffer.dtype = array.dtype;
    buffer.shape = array.shape;
    buffer.value = array.value;
    if (buffer.role == BufferRole::kConstant) {
      buffer.constant = graph_.nodes[array.node].constant;
    }
    it->second = static_cast<int>(program_.buffers.size());
    program_.buffers.push_back(std::move(buffer));
    return it->second;
  }

  void add_cluster(const Cluster& cluster) {
    PlacedGroup placed = make_group(schedule_.graph, cluster, stored_);
    bool at_load = arrays_[cluster.arrays.back()].at_load;
    const Lowered& lowered =
        lower(placed.group, comment_of(cluster), options_.generic_only);
    DimSubstitution symbols = symbols_of(placed.placement);
    if (uses_library(lowered.group)) {
      symbols[kLibraryChoice] = Dim::symbol(add_choice());
    }
    const std::vector<int> scratch = scratch_buffers(lowered.group, symbols);
    auto& steps = at_load ? program_.load_steps : program_.steps;
    for (size_t k = 0; k < lowered.kernels.size(); ++k) {
      const LoweredKernel& kernel =
          k == 0 ? lowered.group : lowered.group.after[k - 1];
      Step step = step_of(kernel, placed.placement, symbols, cluster);
      step.kernel = lowered.kernels[k];
      if (kernel.product) step.product = placed_product(*kernel.product, symbols);
      for (const BufferBinding& binding : kernel.bindings) {
        step.buffers.push_back(
            bound_buffer(binding, lowered, placed, scratch));
      }
      steps.push_back(std::move(step));
    }
  }

  static DimSubstitution symbols_of(const Placement& placement) {
    DimSubstitution symbols;
    for (size_t i = 0; i < placement.symbols.size(); ++i) {
      symbols[cat({"n", i})] = Dim::symbol(placement.symbols[i]);
    }
    return symbols;
  }

  static bool uses_library(const LoweredGroup& group) {
    return std::any_of(
        group.after.begin(), group.after.end(),
        [](const LoweredKernel& k) { return k.product.has_value(); });
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

  static LibraryProduct placed_product(const LibraryProduct& product,
                                       const DimSubstitution& symbols) {
    LibraryProduct placed = product;
    for (Dim* dim : {&placed.rows, &placed.columns, &placed.depth,
                     &placed.left_stride, &placed.right_stride,
                     &placed.result_stride, &placed.wanted}) {
      *dim = dim->substitute(symbols);
    }
    placed.choice = symbols.at(kLibraryChoice).symbol_name();
    return placed;
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
      buffers.push_back(static_cast<int>(program_.buffers.size()));
      program_.buffers.push_back(std::move(buffer));
    }
    return buffers;
  }

  int bound_buffer(const BufferBinding& binding, const Lowered& lowered,
                   const PlacedGroup& placed,
                   const std::vector<int>& scratch) {
    switch (binding.source) {
      case BufferSource::kOperand:
        return buffer_of(placed.placement.operands[binding.index]);
      case BufferSource::kOutput:
        return buffer_of(placed.placement.outputs[binding.index]);
      case BufferSource::kPacked:
        return packed_buffer(lowered.group.packed[binding.index], placed);
      case BufferSource::kScratch:
        return scratch[binding.index];
    }
    LATHE_CHECK(false, "no such source");
    return -1;
  }

  // The buffer in the layout that a kernel asked for; the same layout of the
  // same weights is made once.
  int packed_buffer(const PackedOperand& packed, const PlacedGroup& placed) {
    StageGraph graph;
    std::vector<int> buffers;
    std::string key;
    for (int operand : packed.operands) {
      ArrayId id = placed.placement.operands[operand];
      Array given = arrays_[id];
      given.kind = Given{NodeKind::kWeight};
      graph.arrays.push_back(std::move(given));
      buffers.push_back(buffer_of(id));
      key += cat({buffers.back(), " "});
    }
    Array array;
    array.name = packed.stage.name;
    array.dtype = packed.stage.dtype;
    array.shape = packed.stage.shape;
    array.axes = packed.stage.axes;
    array.kind = std::get<Compute>(packed.stage.kind);
    array.at_load = true;
    array.node = graph.arrays.empty() ? -1 : graph.arrays[0].node;
    graph.arrays.push_back(array);
    Cluster cluster;
    cluster.row_axes = static_cast<int>(array.shape.size());
    cluster.arrays = {static_cast<int>(graph.arrays.size()) - 1};
    std::vector<bool> stored(graph.arrays.size(), true);
    PlacedGroup pack = make_group(graph, cluster, stored);
    key += to_string(pack.group);
    auto [it, inserted] = packed_.emplace(key, -1);
    if (!inserted) return it->second;
    Buffer buffer;
    buffer.role = BufferRole::kPacked;
    const std::string from =
        buffers.empty() ? "" : program_.buffers[buffers[0]].name;
    buffer.name = from.empty() ? array.name : from + "." + array.name;
    buffer.dtype = array.dtype;
    buffer.shape = array.shape;
    it->second = static_cast<int>(program_.buffers.size());
    int made = it->second;
    program_.buffers.push_back(std::move(buffer));
    // Moving numbers about needs no vectors of ours, adding them up does.
    const bool sums = contains<Reduce>(std::get<Compute>(packed.stage.kind).body);
    const Lowered& lowered =
        lower(pack.group, "// a layout of weights\n", !sums);
    Step step;
    step.kernel = lowered.kernels[0];
    step.items = lowered.group.items;
    step.cost = lowered.group.cost;
    step.what = "pack " + (from.empty() ? array.name : from);
    for (const BufferBinding& binding : lowered.group.bindings) {
      bool output = binding.source == BufferSource::kOutput;
      step.buffers.push_back(
          output ? made : buffers[pack.placement.operands[binding.index]]);
    }
    program_.load_steps.push_back(std::move(step));
    return made;
  }

  const Lowered& lower(const Group& group, const std::string& comment,
                       bool generic_only) {
    std::string key = to_string(group) + (generic_only ? "generic" : "");
    const auto place = lowered_.emplace(key, Lowered{});
    Lowered& made = place.first->second;
    if (!place.second) return made;
    const Strategy* strategy = find_strategy(group, target_, generic_only);
    LATHE_CHECK(strategy != nullptr, "no strategy takes ", to_string(group));
    made.group = strategy->lower(group, target_);
    auto add = [&](const LoweredKernel& lowered) {
      if (lowered.product) {
        made.kernels.push_back(-1);
        return;
      }
      verify(lowered.kernel);
      const char* name =
          lowered.strategy ? lowered.strategy : strategy->name;
      made.kernels.push_back(add_kernel(lowered.kernel, name, comment));
    };
    add(made.group);
    for (const LoweredKernel& kernel : made.group.after) add(kernel);
    return made;
  }

  int add_kernel(const LoopKernel& loops, const char* strategy,
                 const std::string& comment) {
    std::string hash = hash_of(render_kernel(loops, "kernel", target_));
    Kernel kernel;
    kernel.name = cat({strategy, "_", hash});
    auto [it, inserted] = kernels_.emplace(
        kernel.name, static_cast<int>(program_.kernels.size()));
    if (!inserted) return it->second;
    kernel.text = render_kernel(loops, kernel.name, target_);
    kernel.commented = comment + kernel.text;
    kernel.buffers = static_cast<int>(loops.buffers.size());
    kernel.dims = static_cast<int>(loops.symbols.size());
    if (target_.gpu) kernel.launch = cuda::launch_of(loops);
    program_.kernels.push_back(std::move(kernel));
    return it->second;
  }

  // Where the work of a kernel stands in the model: its first use.
  std::string comment_of(const Cluster& cluster) const {
    std::string text;
    for (const auto& [node, op] : work_of(schedule_.graph, cluster)) {
      const Node& from = graph_.nodes[node];
      text += cat({"// ", from.path, from.path.empty() ? "" : ": ", op, " (",
                   place_of(from.span), ")\n"});
    }
    return text;
  }

  Step step_of(const LoweredKernel& lowered, const Placement& placement,
               const DimSubstitution& symbols, const Cluster& cluster) {
    Step step;
    for (const std::string& symbol : placement.symbols) {
      step.dims.push_back(Dim::symbol(symbol));
    }
    step.items = lowered.items.substitute(symbols);
    step.cost = lowered.cost.substitute(symbols);
    if (lowered.yields) step.unless = symbols.at(kLibraryChoice).symbol_name();
    if (lowered.product) {
      step.what = "library";
      step.dims.clear();
    }
    for (const auto& [node, op] : work_of(schedule_.graph, cluster)) {
      step.what += (step.what.empty() ? "" : " ") + op;
    }
    if (NodeId node = arrays_[cluster.arrays.front()].node; node >= 0) {
      step.path = graph_.nodes[node].path;
      step.span = graph_.nodes[node].span;
    }
    for (int site : placement.sites) {
      const Node& node = graph_.nodes[site];
      step.faults.push_back({node.op, node.path, node.span,
                             writes_at_indices(*node.definition)});
    }
    return step;
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
  const Target& target_;
  const CompileOptions& options_;
  std::vector<bool> stored_;
  Program program_;
  std::unordered_map<ArrayId, int> buffers_;
  std::unordered_map<std::string, Lowered> lowered_;
  std::unordered_map<std::string, int> packed_, kernels_;
};

}  // namespace

Program assemble(const Graph& graph, const Schedule& schedule,
                 const Target& target, const CompileOptions& options) {
  return Assembler(graph, schedule, target, options).run();
}

}  // namespace lathe
