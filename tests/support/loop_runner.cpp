#include "tests/support/loop_runner.h"

#include <set>

#include "codegen/passes.h"
#include "codegen/strategy.h"
#include "spec/check.h"
#include "tests/support/loop_interpreter.h"

namespace lathe {
namespace {

class LoopRunner {
 public:
  LoopRunner(const Graph& graph, const Target& target,
             const EvaluateInputs& inputs)
      : schedule_(schedule(graph, target, {})),
        target_(target),
        inputs_(inputs),
        stored_(stored_arrays(schedule_)),
        tensors_(schedule_.graph.arrays.size()) {
    for (size_t id = 0; id < tensors_.size(); ++id) {
      const Array& array = schedule_.graph.arrays[id];
      auto* given = std::get_if<Given>(&array.kind());
      if (given && given->kind == NodeKind::kConstant) {
        tensors_[id] = *graph.nodes[array.node].constant;
      } else if (given && inputs.tensors.count(array.value)) {
        tensors_[id] = inputs.tensors.at(array.value);
      } else {
        tensors_[id] = Tensor(array.dtype(), eval(array.shape(), inputs.dims));
      }
    }
  }

  std::vector<Tensor> run() {
    for (const Cluster& cluster : schedule_.clusters) run(cluster);
    std::vector<Tensor> outputs;
    for (ArrayId id : schedule_.graph.outputs) outputs.push_back(tensors_[id]);
    return outputs;
  }

 private:
  void run(const Cluster& cluster) {
    const PlacedGroup placed = make_group(schedule_.graph, cluster, stored_);
    const Group& group = placed.group;
    const Strategy* strategy = find_strategy(group, target_, false);
    LATHE_CHECK(strategy != nullptr, "no strategy takes ", to_string(group));
    const LoweredGroup lowered = strategy->lower(group, target_);
    std::vector<Tensor> operands;
    for (ArrayId id : placed.placement.operands) {
      operands.push_back(tensors_[id]);
    }
    std::vector<int64_t> sizes;
    DimBindings dims;
    for (size_t i = 0; i < group.symbols.size(); ++i) {
      sizes.push_back(inputs_.dims.at(placed.placement.symbols[i]));
      dims[group.symbols[i]] = sizes.back();
    }
    std::vector<Tensor> scratch;
    for (const Scratch& array : lowered.scratch) {
      scratch.push_back(Tensor(array.dtype, eval(array.shape, dims)));
    }
    // Outputs that earlier kernels have stored.
    std::set<int> stored;
    const auto run_kernel = [&](const LoweredKernel& kernel) {
      const int64_t items = kernel.items.eval(dims);
      if (items == 0 && !lowered.after.empty()) return;
      std::vector<Tensor> buffers;
      for (const BufferBinding& binding : kernel.bindings) {
        const size_t index = static_cast<size_t>(binding.index);
        buffers.push_back(
            binding.source == BufferSource::kOperand   ? operands[index]
            : binding.source == BufferSource::kScratch ? scratch[index]
            : binding.source == BufferSource::kOutput
                ? tensors_[placed.placement.outputs[index]]
                : packed(lowered.packed[index], operands, dims));
      }
      LoopInterpreter loops(kernel.kernel, buffers, sizes);
      for (size_t b = 0; b < buffers.size(); ++b) {
        const BufferBinding& binding = kernel.bindings[b];
        if (binding.source != BufferSource::kOutput) continue;
        if (!kernel.kernel.buffers[b].writable) continue;
        if (!stored.insert(binding.index).second) loops.fill_before(b);
      }
      try {
        loops.run(0, items);
        loops.check_outputs();
      } catch (const InternalError& error) {
        LATHE_CHECK(false, strategy->name, ": ", error.what(), "\n",
                    to_string(kernel.kernel));
      }
    };
    run_kernel(lowered);
    for (const LoweredKernel& kernel : lowered.after) run_kernel(kernel);
  }

  // The operand in the layout that the kernel asked for.
  static Tensor packed(const PackedOperand& wanted,
                       const std::vector<Tensor>& operands,
                       const DimBindings& dims) {
    Definition definition;
    definition.inputs = static_cast<int>(wanted.operands.size());
    definition.stages = {wanted.stage};
    definition.outputs = {0};
    std::vector<Tensor> sources;
    for (int operand : wanted.operands) {
      sources.push_back(operands[static_cast<size_t>(operand)]);
    }
    return evaluate(definition, sources, dims, "pack", {})[0];
  }

  Schedule schedule_;
  const Target& target_;
  const EvaluateInputs& inputs_;
  std::vector<bool> stored_;
  std::vector<Tensor> tensors_;
};

}  // namespace

std::vector<Tensor> run_loops(const Graph& graph, const Target& target,
                              const EvaluateInputs& inputs) {
  return LoopRunner(graph, target, inputs).run();
}

}  // namespace lathe
