// Bodies: statements run once, in order; what they compute becomes nodes.

#include "interpreter/elaborator.h"
#include "spec/text.h"

namespace lathe {
namespace {

// The values of an assignment with several targets.
std::vector<Datum> unpacked(const Datum& value, size_t count,
                            const SourceSpan& span) {
  std::vector<Datum> values;
  if (const DatumList* list = value.as<DatumList>()) {
    values = **list;
  } else if (const auto* outputs =
                 value.as<std::shared_ptr<const DatumStruct>>()) {
    for (const auto& [name, field] : (*outputs)->fields) {
      values.push_back(field);
    }
  } else {
    fail("L0320", span,
         cat({"there are ", count, " names on the left and one value (",
              described(value), ") on the right"}));
  }
  if (values.size() != count) {
    fail("L0320", span,
         cat({"there are ", count, " names on the left and ", values.size(),
              " values on the right"}));
  }
  return values;
}

// A name on the left that a mistake left without a value.
void assign_unknown(const AssignAst& assign, Frame& frame) {
  for (const Name& target : assign.targets) {
    frame.names[target.text] = Unknown{};
    frame.last_assigned = target.text;
  }
}

// Names that the statements of a failed branch or loop would assign.
void assign_unknown(const std::vector<StatementAst>& statements,
                    Frame& frame) {
  for (const StatementAst& statement : statements) {
    switch (statement.kind) {
      case StatementKind::kAssign:
        assign_unknown(statement.assign, frame);
        break;
      case StatementKind::kFor:
        assign_unknown(statement.loop->body, frame);
        break;
      case StatementKind::kIf:
        assign_unknown(statement.branch->then_body, frame);
        assign_unknown(statement.branch->else_body, frame);
        break;
    }
  }
}

}  // namespace

void Elaborator::run_assign(const AssignAst& assign, Frame& frame) {
  if (assign.value == nullptr) return assign_unknown(assign, frame);
  const Scope scope{.layer = frame.layer, .frame = &frame};
  const Datum value = evaluate(*assign.value, scope);
  const auto put = [&](const Name& target, const Datum& datum) {
    if (const TensorRef* tensor = datum.as<TensorRef>()) {
      Value& made = model_.graph.values[tensor->id];
      const Node& node = model_.graph.nodes[made.node];
      if (node.kind == NodeKind::kOp && made.name == node.op) {
        made.name = target.text;
      }
    }
    frame.names[target.text] = datum;
    frame.last_assigned = target.text;
  };
  if (value.unknown()) return assign_unknown(assign, frame);
  if (assign.targets.size() == 1) return put(assign.targets[0], value);
  const std::vector<Datum> values =
      unpacked(value, assign.targets.size(), assign.span);
  for (size_t i = 0; i < values.size(); ++i) put(assign.targets[i], values[i]);
}

void Elaborator::run_loop(const ForAst& loop, Frame& frame) {
  const Scope scope{.layer = frame.layer, .frame = &frame, .in_for = true};
  const Datum range = evaluate(*loop.range, scope);
  if (range.unknown()) return assign_unknown(loop.body, frame);
  const DatumList* items = range.as<DatumList>();
  if (items == nullptr) {
    fail("L0336", loop.range->span,
         "`in` wants a list that is known while building, as `range(n)`, and "
         "gets " +
             described(range));
  }
  for (const Datum& item : **items) {
    if (++iterations_ > kMaxIterations) {
      fail("L0342", loop.range->span, "loops run more than 1,000,000 times");
    }
    frame.names[loop.variable.text] = item;
    run_statements(loop.body, frame);
  }
}

void Elaborator::run_branch(const IfAst& branch, Frame& frame) {
  const Scope scope{.layer = frame.layer, .frame = &frame};
  const Datum decided = evaluate(*branch.condition, scope);
  if (decided.unknown()) {
    assign_unknown(branch.then_body, frame);
    return assign_unknown(branch.else_body, frame);
  }
  const bool holds = condition(*branch.condition, scope, "`if`");
  run_statements(holds ? branch.then_body : branch.else_body, frame);
}

void Elaborator::run_statements(const std::vector<StatementAst>& statements,
                                Frame& frame) {
  for (const StatementAst& statement : statements) {
    try {
      switch (statement.kind) {
        case StatementKind::kAssign:
          run_assign(statement.assign, frame);
          break;
        case StatementKind::kFor: run_loop(*statement.loop, frame); break;
        case StatementKind::kIf: run_branch(*statement.branch, frame); break;
      }
    } catch (const SpecError& error) {
      report(error);
      assign_unknown({statement}, frame);
    }
  }
}

// Without a body the layers run in order, each on the previous output.
Elaborator::Outputs Elaborator::run_in_order(Frame& frame) {
  LayerInstance& layer = *frame.layer;
  const SpecFile& spec = *layer.type->spec;
  CallArgs args;
  args.span = spec.name.span;
  for (const InputDecl& input : spec.inputs) {
    args.positional.push_back({frame.names[input.name.text], input.name.span});
  }
  if (spec.layers.empty() || args.positional.empty()) return {{"", Unknown{}}};
  // One of them may be missing.
  if (spec.damage.any) return {{"y", Unknown{}}};
  Datum value = args.positional[0].value;
  for (const LayerDecl& decl : spec.layers) {
    const Datum item = declared_layer(layer, decl);
    if (item.none()) continue;
    args.span = decl.name.span;
    value = call(item, args);
    args.positional = {{value, decl.name.span}};
  }
  return {{"y", value}};
}

Elaborator::Outputs Elaborator::run_body(Frame& frame) {
  const SpecFile& spec = *frame.layer->type->spec;
  if (!spec.has_body) {
    try {
      Outputs outputs = run_in_order(frame);
      if (spec.outputs.empty()) return outputs;
      frame.names[spec.outputs[0].name.text] = outputs[0].second;
      frame.names["y"] = outputs[0].second;
    } catch (const SpecError& error) {
      report(error);
      return {{"y", Unknown{}}};
    }
  }
  run_statements(spec.body, frame);
  if (spec.outputs.empty()) {
    return {{frame.last_assigned, frame.names[frame.last_assigned]}};
  }
  Outputs outputs;
  const Scope scope{.layer = frame.layer, .frame = &frame};
  for (const OutputDecl& output : spec.outputs) {
    Datum value = Unknown{};
    try {
      value = evaluate(*output.value, scope);
    } catch (const SpecError& error) {
      report(error);
    }
    outputs.emplace_back(output.name.text, value);
  }
  return outputs;
}

OpArg Elaborator::op_arg(const Datum& datum, const SourceSpan& span) {
  OpArg arg;
  arg.span = span;
  if (const bool* flag = datum.as<bool>()) {
    arg.value = *flag;
  } else if (const Dim* dim = datum.as<Dim>()) {
    arg.value = *dim;
  } else if (const double* number = datum.as<double>()) {
    arg.value = *number;
  } else if (const SizeNumber* sizes = datum.as<SizeNumber>()) {
    arg.value = sizes->value;
  } else if (const Text* text = datum.as<Text>()) {
    arg.value = text->text;
  } else if (const DType* dtype = datum.as<DType>()) {
    arg.value = *dtype;
  } else if (const TensorRef* tensor = datum.as<TensorRef>()) {
    arg.value = TensorArg{tensor->id};
  } else if (const DatumList* list = datum.as<DatumList>()) {
    OpArgs items;
    for (const Datum& item : **list) items.push_back(op_arg(item, span));
    arg.value = std::move(items);
  } else if (!datum.none()) {
    fail("L0336", span, "an op cannot take " + described(datum));
  }
  return arg;
}

Datum Elaborator::call_op(OpCall call) {
  call.path = active_.empty() ? "" : active_.back().layer->path;
  const size_t constraints = model_.graph.constraints.size();
  const std::vector<ValueId> results = apply_op(model_.graph, call);
  // What goes wrong at run time is shown in the user's file, too.
  const SourceSpan place = own_place(call.span);
  model_.graph.nodes.back().span = place;
  for (size_t i = constraints; i < model_.graph.constraints.size(); ++i) {
    model_.graph.constraints[i].span = place;
  }
  const std::string& type =
      OpRegistry::instance().signature(*call.op).result_text;
  const bool list = type.size() > 3 && type.substr(type.size() - 3) == "...";
  if (results.size() == 1 && !list) return TensorRef{results[0]};
  std::vector<Datum> values;
  for (ValueId id : results) values.push_back(TensorRef{id});
  return make_list(std::move(values));
}

}  // namespace lathe
