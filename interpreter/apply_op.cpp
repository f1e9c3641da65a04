// Calls of ops: arguments become operands, the op makes its definition, the
// graph gets a node.

#include <algorithm>
#include <map>

#include "interpreter/op_arguments.h"
#include "interpreter/op_builder.h"
#include "interpreter/op_builder_impl.h"
#include "interpreter/op_types.h"
#include "spec/check.h"
#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {

OpBuilder::Impl::Impl(Graph& graph_in, const OpCall& call_in)
    : graph(graph_in),
      call(call_in),
      signature(OpRegistry::instance().signature(*call_in.op)),
      args(bind_arguments(signature, call_in)) {
  bind_tensors();
}

size_t OpBuilder::Impl::index_of(std::string_view name) const {
  for (size_t i = 0; i < signature.params.size(); ++i) {
    if (signature.params[i].name == name) return i;
  }
  LATHE_CHECK(false, call.op->name, " has no parameter ", name);
}

const SourceSpan& OpBuilder::Impl::span_of(std::string_view name) const {
  const SourceSpan& span = args[index_of(name)].span;
  return span.known() ? span : call.span;
}

void OpBuilder::Impl::bind_tensors() {
  operands.resize(args.size());
  for (size_t i = 0; i < args.size(); ++i) {
    const OpParam& param = signature.params[i];
    const bool list = param.kind == OpParamKind::kTensors;
    if (!list && param.kind != OpParamKind::kTensor) continue;
    if (std::holds_alternative<std::monostate>(args[i].value)) continue;
    if (!list) {
      operands[i].push_back(bind_tensor(param, args[i]));
      continue;
    }
    for (const OpArg& item : std::get<OpArgs>(args[i].value)) {
      operands[i].push_back(bind_tensor(param, item));
      input_names.back() += cat({"[", operands[i].size() - 1, "]"});
    }
  }
  definition.inputs = static_cast<int>(inputs.size());
}

Operand OpBuilder::Impl::bind_tensor(const OpParam& param, const OpArg& arg) {
  Operand operand;
  if (const auto* tensor = std::get_if<TensorArg>(&arg.value)) {
    operand.slot = static_cast<int>(inputs.size());
    operand.dtype = graph.type(tensor->value).dtype;
    operand.shape = graph.type(tensor->value).shape;
    inputs.push_back(tensor->value);
    input_names.push_back(param.name);
    return operand;
  }
  if (const auto* truth = std::get_if<bool>(&arg.value)) {
    operand.dtype = DType::kBool;
    operand.number = literal(*truth);
  } else if (const auto* number = std::get_if<double>(&arg.value)) {
    operand.number = Expr(*number);
  } else if (const auto* sizes = std::get_if<Expr>(&arg.value)) {
    operand.dtype = storage_type((*sizes)->type);
    operand.number = *sizes;
  } else {
    const Dim& dim = std::get<Dim>(arg.value);
    operand.dtype = DType::kInt64;
    operand.number = dim.is_static() ? Expr(dim.value()) : size_of(dim);
  }
  return operand;
}

std::string OpBuilder::Impl::attributes() const {
  std::string text;
  for (size_t i = 0; i < args.size(); ++i) {
    const OpParam& param = signature.params[i];
    const bool tensor = !operands[i].empty() && operands[i][0].slot >= 0;
    if (tensor || param.kind == OpParamKind::kTensors) continue;
    const std::string value = to_string(args[i]);
    if (param.default_value && value == to_string(*param.default_value)) {
      continue;
    }
    text += cat({text.empty() ? "" : ", ", param.name, "=", value});
  }
  return text;
}

void OpBuilder::Impl::assume_equal(const Dim& a, const Dim& b,
                                   const std::string& code,
                                   const std::string& message) {
  const auto same = [&](const DimConstraint& c) {
    return c.left == a && c.right == b;
  };
  const auto known = [&](const std::vector<DimConstraint>& list) {
    return std::any_of(list.begin(), list.end(), same);
  };
  if (known(graph.constraints) || known(constraints)) return;
  constraints.push_back({a, b, code, message, call.span});
}

namespace {

void check_class(const OpBuilder& builder, const OpParam& param,
                 DType dtype) {
  if (in_dtype_class(dtype, param.dtype_class)) return;
  builder.fail("L0404",
               cat({"`", param.name, "` of `", builder.op_name(), "` wants ",
                    param.dtype_class, " and gets ", to_string(dtype)}),
               param.name,
               param.dtype_class == "float" ? "`cast` it to a float type"
                                            : "");
}

// Each tensor against the class in the signature.
void check_classes(const OpBuilder& builder, const OpBuilder::Impl& impl) {
  for (size_t i = 0; i < impl.operands.size(); ++i) {
    for (const Operand& operand : impl.operands[i]) {
      if (operand.slot < 0) continue;
      check_class(builder, impl.signature.params[i], operand.dtype);
    }
  }
}

// The parameters of a map op that share a class share a dtype, too.
struct MapGroup {
  const OpParam* first;
  std::vector<Operand> operands;
  DType dtype = DType::kFloat32;
};

std::map<std::string, MapGroup> map_groups(const OpBuilder& builder,
                                           const OpBuilder::Impl& impl) {
  std::map<std::string, MapGroup> groups;
  for (size_t i = 0; i < impl.operands.size(); ++i) {
    const OpParam& param = impl.signature.params[i];
    MapGroup& group = groups.try_emplace(param.dtype_class).first->second;
    if (group.operands.empty()) group.first = &param;
    group.operands.push_back(impl.operands[i][0]);
  }
  for (auto& [dtype_class, group] : groups) {
    group.dtype = builder.promote(group.operands);
    const bool numbers =
        std::all_of(group.operands.begin(), group.operands.end(),
                    [](const Operand& o) { return o.slot < 0; });
    if (numbers && dtype_class == "float") group.dtype = DType::kFloat32;
    check_class(builder, *group.first, group.dtype);
  }
  return groups;
}

// The result has the dtype of the last parameter's group, unless the map
// computes in another type, as comparisons do.
void define_map(OpBuilder& builder, const OpBuilder::Impl& impl) {
  const std::map<std::string, MapGroup> groups = map_groups(builder, impl);
  std::vector<Operand> operands;
  for (const auto& operand : impl.operands) operands.push_back(operand[0]);
  const Shape shape = builder.broadcast(operands);
  const std::vector<Var> axes =
      builder.make_axes(static_cast<int>(shape.size()));
  const Index index = to_index(axes);
  std::vector<Expr> elements;
  DType dtype = DType::kBool;
  for (size_t i = 0; i < operands.size(); ++i) {
    dtype = groups.at(impl.signature.params[i].dtype_class).dtype;
    elements.push_back(
        convert(compute_type(dtype), operands[i].broadcast(index)));
  }
  const Expr body = impl.call.op->map(elements);
  if (body->type != compute_type(dtype)) dtype = storage_type(body->type);
  builder.stage({builder.op_name(), dtype, shape, axes, Compute{body}});
}

}  // namespace

namespace {

// What a definition depends on: the op, its attributes, its operands' types.
std::string definition_key(const OpBuilder::Impl& impl,
                           const std::string& attributes) {
  std::string key;
  key.reserve(128);
  key.append(impl.call.op->name).append("(").append(attributes);
  for (const std::vector<Operand>& operands : impl.operands) {
    key += '|';
    for (const Operand& operand : operands) {
      if (operand.slot < 0) {
        key.append("number ").append(to_string(operand.number));
      } else {
        key += to_string(operand.dtype);
        for (const Dim& dim : operand.shape) {
          key.append(",").append(dim.is_static() ? std::to_string(dim.value())
                                                 : dim.to_string());
        }
      }
      key += ';';
    }
  }
  return key;
}

// Makes the definition. Constraints and literal tensors, which become inputs,
// belong to one call: a definition that has some is not shared.
std::shared_ptr<const Definition> define(Graph& graph, OpBuilder::Impl& impl,
                                         OpBuilder& builder,
                                         const std::string& key) {
  const size_t given = impl.inputs.size();
  if (impl.call.op->map) {
    define_map(builder, impl);
  } else {
    check_classes(builder, impl);
    impl.call.op->define(builder);
  }
  if (impl.definition.outputs.empty()) {
    impl.definition.outputs = {
        static_cast<int>(impl.definition.stages.size()) - 1};
  }
  auto made = std::make_shared<Definition>(std::move(impl.definition));
  const bool shared = impl.constraints.empty() && impl.inputs.size() == given;
  if (shared) graph.definitions.emplace(key, made);
  for (DimConstraint& constraint : impl.constraints) {
    graph.constraints.push_back(std::move(constraint));
  }
  return made;
}

}  // namespace

std::vector<ValueId> apply_op(Graph& graph, const OpCall& call) {
  OpBuilder::Impl impl(graph, call);
  OpBuilder builder(&impl);
  Node node;
  node.op = call.op->name;
  node.attributes = impl.attributes();
  const std::string key = definition_key(impl, node.attributes);
  const auto known = graph.definitions.find(key);
  node.definition = known != graph.definitions.end()
                        ? known->second
                        : define(graph, impl, builder, key);
  node.inputs = std::move(impl.inputs);
  node.path = call.path;
  node.span = call.span;
  return graph.add_op(std::move(node));
}

}  // namespace lathe
