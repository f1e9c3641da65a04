// The declared graph has one kWeight node for every weight. Binding makes a
// second graph: first the stored tensors and what the load rules do with
// them, then the declared nodes, whose inputs now are the loaded values.

#include "interpreter/bind_weights.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "interpreter/block_types.h"
#include "interpreter/load_rules.h"
#include "interpreter/op.h"
#include "interpreter/read_ties.h"
#include "interpreter/stored_quantization.h"
#include "interpreter/weight_report.h"
#include "spec/text.h"

namespace lathe {
namespace {

TensorType type_of(const StoredTensor& tensor) {
  TensorType type{tensor.dtype, {}};
  for (int64_t size : tensor.shape) type.shape.emplace_back(size);
  return type;
}

Shape without_ones(Shape shape) {
  shape.erase(std::remove(shape.begin(), shape.end(), Dim(1)), shape.end());
  return shape;
}

// The tensors that a plan reads.
void collect_stored(const WeightPlan& plan, std::vector<std::string>& names) {
  if (plan.rule == nullptr) names.push_back(plan.stored);
  for (const WeightPlan& part : plan.parts) collect_stored(part, names);
}

class WeightBinder {
 public:
  WeightBinder(Model& model, const ElaborateInputs& inputs,
               Diagnostics& diagnostics)
      : model_(model), inputs_(inputs), diagnostics_(diagnostics) {
    report_.place = inputs.spec->name.span;
    if (inputs.spec->checkpoint) {
      report_.place = inputs.spec->checkpoint->span;
      rules_ = read_load_rules(*inputs.spec->checkpoint, diagnostics);
      ties_ = read_ties(*inputs.spec->checkpoint, model.graph, diagnostics);
    }
    if (model.reads_quantization) {
      for (LoadRuleSpec& rule : quantization_load_rules()) {
        rules_.push_back(std::move(rule));
      }
    }
    if (inputs.checkpoint) {
      for (const StoredTensor& tensor : inputs.checkpoint->tensors) {
        stored_.emplace(tensor.name, &tensor);
      }
    }
  }

  void run() {
    if (diagnostics_.has_errors()) return;
    if (!inputs_.checkpoint && ties_.empty() && !has_blocks()) return;
    copy_frame();
    for (const GraphWeight& weight : model_.graph.weights) {
      const bool tied = ties_.count(weight.path) != 0;
      if (!tied) fill(weight);
      if (tied && inputs_.checkpoint) {
        match_of(weight).kind = MatchKind::kTied;
      }
    }
    for (const GraphWeight& weight : model_.graph.weights) {
      if (ties_.count(weight.path) != 0) tie(weight);
    }
    if (inputs_.checkpoint) check_unused();
    if (report_.empty()) {
      copy_nodes();
      note_narrowing();
      model_.graph = std::move(graph_);
      model_.weights = std::move(fills_);
    } else {
      for (Diagnostic& diagnostic :
           describe(report_, inputs_.checkpoint->name)) {
        diagnostics_.add(std::move(diagnostic));
      }
    }
  }

 private:
  // Weights of block types are read through ops, which the declared graph
  // does not have.
  bool has_blocks() const {
    for (const GraphWeight& weight : model_.graph.weights) {
      if (is_block(weight.type.dtype)) return true;
    }
    return false;
  }

  void copy_frame() {
    graph_.name = model_.graph.name;
    graph_.symbols = model_.graph.symbols;
    graph_.constraints = model_.graph.constraints;
    new_id_.assign(model_.graph.values.size(), -1);
    for (const WeightFill& fill : model_.weights) {
      init_[fill.path] = fill;
    }
  }

  bool has(const std::string& name) const { return stored_.count(name) > 0; }

  void fill(const GraphWeight& weight) {
    if (!inputs_.checkpoint) {
      WeightFill fill = init_.at(weight.path);
      const ValueId value = add_stored(weight.path, weight.type, weight, fill);
      return bind(weight, value);
    }
    const auto plan = plan_weight(
        rules_, weight.path, [&](const std::string& name) {
          return has(name);
        });
    WeightMatch& match = match_of(weight);
    if (!plan) {
      match.kind = MatchKind::kMissing;
      report_.missing.push_back({weight.path, weight.type});
      return;
    }
    collect_stored(*plan, match.stored);
    match.kind = MatchKind::kDiffers;
    try {
      const ValueId value = made(*plan, weight);
      if (value < 0) {
        match.kind = MatchKind::kForeign;
        return;
      }
      const ValueId fitting = converted(value, weight, *plan);
      if (fitting < 0) return;
      bind(weight, fitting);
      match.kind = MatchKind::kFilled;
    } catch (const SpecError& error) {
      diagnostics_.add_all(error.diagnostics());
    }
  }

  // The row of a weight in the list of all, new and filled so far.
  WeightMatch& match_of(const GraphWeight& weight) {
    return model_.matches.emplace_back(
        WeightMatch{weight.path, weight.type, {}});
  }

  ValueId add_weight(const std::string& name, const TensorType& type,
                     const GraphWeight& weight) {
    const ValueId id = graph_.add_weight(name, type, weight.span);
    const ValueId old = weight.value;
    const Node& declared = model_.graph.nodes[model_.graph.values[old].node];
    graph_.nodes.back().path = declared.path;
    return id;
  }

  // -1 for a tensor of a type that lathe does not have.
  ValueId stored_value(const std::string& name, const GraphWeight& weight) {
    used_.insert(name);
    if (!stored_.at(name)->foreign.empty()) {
      report_.foreign.push_back(*stored_.at(name));
      return -1;
    }
    const auto known = stored_values_.find(name);
    if (known != stored_values_.end()) return known->second;
    const ValueId id = add_stored(name, type_of(*stored_.at(name)), weight,
                                  {-1, weight.path, name, {}});
    stored_values_.emplace(name, id);
    return id;
  }

  // The values of a tensor of type `type`: itself, or of a block type its
  // bytes, and the op that decodes them. Nothing else is ever stored, so a
  // quantised weight stays as small as it is in the file.
  ValueId add_stored(const std::string& name, const TensorType& type,
                     const GraphWeight& weight, WeightFill fill) {
    const bool blocks = is_block(type.dtype);
    fill.value =
        add_weight(name, blocks ? bytes_type(type) : type, weight);
    fill.dtype = type.dtype;
    fills_.push_back(fill);
    if (!blocks) return fill.value;
    const OpDef* decoder = OpRegistry::instance().find_decoder(type.dtype);
    LATHE_CHECK(decoder != nullptr, "no op decodes ", to_string(type.dtype));
    return apply(decoder->name, {tensor(fill.value)}, weight, {});
  }

  ValueId apply(std::string_view op, std::vector<OpArg> args,
                const GraphWeight& weight, const SourceSpan& span) {
    OpCall call;
    call.op = OpRegistry::instance().find(op);
    LATHE_CHECK(call.op != nullptr, "no op ", op);
    call.positional = std::move(args);
    call.span = span.known() ? span : weight.span;
    return apply_op(graph_, call)[0];
  }

  static OpArg tensor(ValueId id) { return {TensorArg{id}, {}}; }
  static OpArg number(const Dim& value) { return {value, {}}; }
  static OpArg sizes(const Shape& shape) {
    OpArgs sizes;
    for (const Dim& size : shape) sizes.push_back(number(size));
    return {std::move(sizes), {}};
  }

  ValueId made(const WeightPlan& plan, const GraphWeight& weight) {
    if (plan.rule == nullptr) return stored_value(plan.stored, weight);
    std::vector<ValueId> parts;
    for (const WeightPlan& part : plan.parts) {
      parts.push_back(made(part, weight));
      if (parts.back() < 0) return -1;
    }
    const LoadRuleSpec& rule = *plan.rule;
    if (rule.verb->op.empty()) return parts[0];
    std::vector<OpArg> args;
    switch (rule.verb->shape) {
      case LoadShape::kOne:
        args.push_back(tensor(parts[0]));
        if (rule.verb->takes_axes) args.push_back(axes_of(rule));
        break;
      case LoadShape::kMany: {
        OpArgs tensors;
        for (ValueId part : parts) tensors.push_back(tensor(part));
        args = {{std::move(tensors), {}}, number(rule.axis)};
        break;
      }
      case LoadShape::kSelect: {
        const auto [start, stop] = split_range(
            plan, graph_.type(parts[0]).shape, model_.graph.weights);
        args = {tensor(parts[0]), number(rule.axis), number(start),
                number(stop)};
        break;
      }
    }
    return apply(rule.verb->op, std::move(args), weight, rule.span);
  }

  static OpArg axes_of(const LoadRuleSpec& rule) {
    OpArgs axes;
    for (int64_t axis : rule.axes) axes.push_back(number(axis));
    return {std::move(axes), {}};
  }

  // The one dtype in which a plan's tensors are stored, else `otherwise`.
  DType dtype_of(const WeightPlan& plan, DType otherwise) const {
    if (plan.rule == nullptr) return stored_.at(plan.stored)->dtype;
    const DType first = dtype_of(plan.parts.front(), otherwise);
    for (const WeightPlan& part : plan.parts) {
      if (dtype_of(part, otherwise) != first) return otherwise;
    }
    return first;
  }

  // The loaded value in the declared dtype; -1 after a mismatch. Axes of size
  // 1 are no mismatch: checkpoints store [n] and [n, 1] for the same scales.
  ValueId converted(ValueId value, const GraphWeight& weight,
                    const WeightPlan& plan) {
    const TensorType got = graph_.type(value);
    const bool floats =
        is_float(got.dtype) && is_float(weight.type.dtype);
    const DType stored = dtype_of(plan, got.dtype);
    const bool same = is_block(weight.type.dtype)
                          ? stored == weight.type.dtype
                          : got.dtype == weight.type.dtype;
    if (without_ones(got.shape) != without_ones(weight.type.shape) ||
        (!same && !floats)) {
      report_.mismatched.push_back(
          {weight.path, weight.type, {stored, got.shape}});
      return -1;
    }
    if (got.shape != weight.type.shape) {
      value = apply(reshaping_op(), {tensor(value), sizes(weight.type.shape)},
                    weight, {});
    }
    if (same) return value;
    if (size_of(got.dtype) > size_of(weight.type.dtype)) {
      ++narrowed_[{got.dtype, weight.type.dtype}];
    }
    return apply(conversion_op(),
                 {tensor(value), {weight.type.dtype, {}}}, weight, {});
  }

  void bind(const GraphWeight& weight, ValueId value) {
    if (value < 0) return;
    new_id_[weight.value] = value;
    GraphWeight bound = weight;
    bound.value = value;
    graph_.weights.push_back(std::move(bound));
    bound_[weight.path] = value;
  }

  void tie(const GraphWeight& weight) {
    std::string source = ties_.at(weight.path);
    for (size_t i = 0; i < ties_.size() && ties_.count(source); ++i) {
      source = ties_.at(source);
    }
    const auto value = bound_.find(source);
    if (value != bound_.end()) bind(weight, value->second);
    // Some checkpoints store a tied tensor twice.
    used_.insert(weight.path);
  }

  bool ignored(const std::string& tensor) const {
    if (model_.reads_quantization) {
      for (const std::string& pattern : unneeded_quantized_tensors()) {
        if (match_name(pattern, tensor)) return true;
      }
    }
    if (!inputs_.spec->checkpoint) return false;
    for (const std::string& name : names_of_tensor(rules_, tensor)) {
      for (const Name& pattern : inputs_.spec->checkpoint->ignore) {
        if (match_name(pattern.text, name)) return true;
      }
    }
    return false;
  }

  void check_unused() {
    for (const StoredTensor& tensor : inputs_.checkpoint->tensors) {
      if (used_.count(tensor.name)) continue;
      if (ignored(tensor.name)) {
        model_.ignored.push_back(tensor.name);
        continue;
      }
      report_.unused.push_back({tensor.name, type_of(tensor), tensor.foreign});
    }
  }

  void copy_nodes() {
    const Graph& old = model_.graph;
    for (const Node& node : old.nodes) copy_node(node);
    for (const GraphInput& input : old.inputs) {
      GraphInput copied = input;
      copied.value = new_id_[input.value];
      graph_.inputs.push_back(std::move(copied));
    }
    for (const GraphOutput& output : old.outputs) {
      graph_.outputs.push_back({output.name, new_id_[output.value]});
    }
  }

  void copy_node(const Node& node) {
    if (node.kind == NodeKind::kWeight) return;
    Node copied = node;
    for (ValueId& input : copied.inputs) input = new_id_[input];
    const NodeId id = static_cast<NodeId>(graph_.nodes.size());
    for (ValueId& output : copied.outputs) {
      Value value = model_.graph.values[output];
      value.node = id;
      new_id_[output] = static_cast<ValueId>(graph_.values.size());
      output = new_id_[output];
      graph_.values.push_back(std::move(value));
    }
    graph_.nodes.push_back(std::move(copied));
  }

  void note_narrowing() {
    for (const auto& [types, count] : narrowed_) {
      model_.notices.push_back(
          cat({count, count == 1 ? " weight is" : " weights are",
               " narrowed from ", to_string(types.first), " to ",
               to_string(types.second)}));
    }
  }

  Model& model_;
  const ElaborateInputs& inputs_;
  Diagnostics& diagnostics_;
  std::vector<LoadRuleSpec> rules_;
  Ties ties_;
  WeightReport report_;
  Graph graph_;
  std::vector<ValueId> new_id_;  // of each value of the declared graph
  std::vector<WeightFill> fills_;
  std::unordered_map<std::string, const StoredTensor*> stored_;
  std::unordered_map<std::string, ValueId> stored_values_;
  std::unordered_map<std::string, ValueId> bound_;
  std::unordered_map<std::string, WeightFill> init_;
  std::set<std::string> used_;
  std::map<std::pair<DType, DType>, int> narrowed_;
};

}  // namespace

void bind_weights(Model& model, const ElaborateInputs& inputs,
                  Diagnostics& diagnostics) {
  WeightBinder(model, inputs, diagnostics).run();
}

}  // namespace lathe
