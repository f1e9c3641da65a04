// Calling a layer: arguments to inputs, what is left out follows from them,
// then the body runs.

#include "interpreter/elaborator.h"
#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

std::string signature_of(const LayerInstance& layer) {
  std::vector<std::string> inputs;
  for (const InputDecl& input : layer.type->spec->inputs) {
    inputs.push_back(input.name.text + ": " + to_string(input.type));
  }
  return join(inputs, ", ");
}

size_t input_index(const LayerInstance& layer, const Name& name) {
  const std::vector<InputDecl>& inputs = layer.type->spec->inputs;
  std::vector<std::string> names;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].name.text == name.text) return i;
    names.push_back(inputs[i].name.text);
  }
  std::string help = did_you_mean(name.text, names);
  if (help.empty()) {
    help = cat({layer.type->name, " takes ", signature_of(layer)});
  }
  fail("L0320", name.span,
       cat({shown_name(layer), " has no input `", name.text, "`"}), help);
}

// One argument for each input; those not given are unset.
std::vector<std::optional<CallArg>> match_arguments(const LayerInstance& layer,
                                                    const CallArgs& args) {
  const std::vector<InputDecl>& inputs = layer.type->spec->inputs;
  std::vector<std::optional<CallArg>> matched(inputs.size());
  if (args.positional.size() > inputs.size()) {
    fail("L0320", args.positional[inputs.size()].span,
         cat({shown_name(layer), " takes ", inputs.size(),
              inputs.size() == 1 ? " input" : " inputs", " and gets ",
              args.positional.size()}),
         cat({layer.type->name, " takes ", signature_of(layer)}));
  }
  for (size_t i = 0; i < args.positional.size(); ++i) {
    matched[i] = args.positional[i];
  }
  for (const auto& [name, arg] : args.keywords) {
    std::optional<CallArg>& slot = matched[input_index(layer, name)];
    if (slot) {
      fail("L0320", name.span,
           cat({shown_name(layer), " gets the input `", name.text,
                "` twice"}));
    }
    slot = arg;
  }
  return matched;
}

bool is_optional(const InputDecl& input) {
  return input.default_value != nullptr || input.type.optional;
}

// Refuses arguments that are no tensors; fills in nothing.
void check_argument(const LayerInstance& layer, const InputDecl& input,
                    const std::optional<CallArg>& arg,
                    const SourceSpan& call) {
  if (arg && (arg->value.unknown() || arg->value.tensor())) return;
  const bool absent = !arg || arg->value.none();
  if (absent && is_optional(input)) return;
  if (absent) {
    fail("L0320", arg ? arg->span : call,
         cat({shown_name(layer), " needs the input `", input.name.text,
              "`"}),
         cat({layer.type->name, " takes ", signature_of(layer)}));
  }
  fail("L0331", arg->span,
       cat({shown_name(layer), " wants a tensor for `", input.name.text,
            "` and gets ", described(arg->value)}));
}

bool any_unknown(const std::vector<std::optional<CallArg>>& args) {
  for (const std::optional<CallArg>& arg : args) {
    if (arg && arg->value.unknown()) return true;
  }
  return false;
}

std::vector<CallArg> filled(const std::vector<std::optional<CallArg>>& args) {
  std::vector<CallArg> result;
  for (const std::optional<CallArg>& arg : args) {
    result.push_back(arg ? *arg : CallArg{None{}, {}});
  }
  return result;
}

}  // namespace

Datum Elaborator::input_default(const InputDecl& input, Frame& frame) {
  if (input.default_value == nullptr) return None{};
  if (input.default_value->is_empty()) return None{};
  const Scope scope{.layer = frame.layer, .frame = &frame};
  return evaluate(*expression_of(*input.default_value), scope);
}

void Elaborator::bind_inputs(LayerInstance& layer,
                             const std::vector<CallArg>& args,
                             const SourceSpan& call, Frame& frame) {
  const std::vector<InputDecl>& inputs = layer.type->spec->inputs;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!args[i].value.tensor()) continue;
    bind_input(layer, inputs[i], args[i], frame, call);
    frame.names[inputs[i].name.text] = args[i].value;
  }
  // Defaults may use the sizes that the other inputs bound.
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (args[i].value.tensor()) continue;
    const Datum value = input_default(inputs[i], frame);
    frame.names[inputs[i].name.text] = value;
    if (value.tensor()) {
      bind_input(layer, inputs[i], {value, inputs[i].name.span}, frame, call);
    }
  }
}

Datum Elaborator::call_layer(LayerInstance& layer, const CallArgs& args) {
  const std::vector<InputDecl>& inputs = layer.type->spec->inputs;
  const auto matched = match_arguments(layer, args);
  for (size_t i = 0; i < inputs.size(); ++i) {
    check_argument(layer, inputs[i], matched[i], args.span);
  }
  layer.called = true;
  if (any_unknown(matched)) return Unknown{};
  const std::vector<CallArg> values = filled(matched);
  if (layer.built == Progress::kNotYet) {
    infer_params(layer, values);
    build(layer);
  }
  if (layer.failed) return Unknown{};
  if (active_.size() >= kMaxLayerDepth) {
    fail("L0342", args.span,
         cat({"layers are nested deeper than ", kMaxLayerDepth}));
  }
  Frame frame;
  frame.layer = &layer;
  bind_inputs(layer, values, args.span, frame);
  const ActiveLayer active(*this, layer, args.span);
  return returned(layer, run_or_copy(frame, args.span), args.span);
}

// One output is the value itself, several are a struct.
Datum Elaborator::returned(LayerInstance& layer, Outputs outputs,
                           const SourceSpan& call) {
  layer.outputs.clear();
  for (const auto& [name, value] : outputs) {
    const TensorRef* tensor = value.as<TensorRef>();
    if (tensor == nullptr) continue;
    layer.outputs.push_back(model_.graph.type(tensor->id));
    const NodeId node = model_.graph.values[tensor->id].node;
    if (model_.graph.nodes[node].kind == NodeKind::kOp) {
      makers_[tensor->id] = {layer.name, call};
    }
  }
  if (outputs.size() == 1) return outputs[0].second;
  return std::shared_ptr<const DatumStruct>(
      std::make_shared<DatumStruct>(DatumStruct{"", std::move(outputs)}));
}

Datum Elaborator::call(const Datum& callee, const CallArgs& args) {
  if (callee.unknown()) return callee;
  if (LayerInstance* const* layer = callee.as<LayerInstance*>()) {
    return call_layer(**layer, args);
  }
  const DatumList* list = callee.as<DatumList>();
  if (list == nullptr) {
    fail("L0335", args.span, described(callee) + " cannot be called");
  }
  if ((*list)->empty() && !args.positional.empty()) {
    return args.positional[0].value;
  }
  // Each item gets the one before's output, and the other arguments again.
  CallArgs chained = args;
  Datum value = Unknown{};
  for (const Datum& item : **list) {
    value = call(item, chained);
    if (chained.positional.empty()) {
      fail("L0320", args.span,
           "a list of layers is called with the input first: `layers(x)`");
    }
    chained.positional[0].value = value;
  }
  return value;
}

std::string Elaborator::origin_note(const std::string& name, ValueId value) {
  const Graph& graph = model_.graph;
  std::string note = cat({name, " is ", to_string(graph.type(value))});
  const auto maker = makers_.find(value);
  if (maker != makers_.end()) {
    return cat({note, ", made by `", maker->second.first, "` at ",
                place_of(maker->second.second)});
  }
  const Node& node = graph.nodes[graph.values[value].node];
  switch (node.kind) {
    case NodeKind::kInput:
      return cat({note, ", declared at ", place_of(node.span)});
    case NodeKind::kWeight:
      return cat({note, ", the weight declared at ", place_of(node.span)});
    case NodeKind::kConstant: return note;
    case NodeKind::kOp: break;
  }
  return cat({note, ", made by `", node.op, "` at ", place_of(node.span)});
}

}  // namespace lathe
