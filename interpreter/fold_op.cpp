// Elementwise ops on plain numbers.

#include <algorithm>

#include "interpreter/evaluate.h"
#include "interpreter/op.h"
#include "interpreter/op_arguments.h"
#include "interpreter/scalar_ops.h"
#include "spec/check.h"
#include "spec/diagnostic.h"

namespace lathe {
namespace {

// The type of a parameter's number: bools stay bools where the op takes them,
// one float makes all numbers floats.
NumType type_for(const OpParam& param, bool any_float,
                 const Number& argument) {
  if (param.dtype_class == "bool") return NumType::kBool;
  if (param.dtype_class == "float" || any_float) return NumType::kFloat64;
  const bool truth = std::holds_alternative<bool>(argument);
  return truth && param.dtype_class == "any" ? NumType::kBool
                                             : NumType::kInt64;
}

Expr as_literal(const Number& number, NumType type) {
  switch (type) {
    case NumType::kBool:
      return literal(as_bool(number));
    case NumType::kInt64:
      return int_literal(as_int(number));
    case NumType::kFloat32:
    case NumType::kFloat64:
      return float_literal(as_double(number), type);
  }
  LATHE_CHECK(false, "unknown number type");
}

}  // namespace

Number fold_op(const OpDef& op, const std::vector<Number>& args) {
  const OpSignature& signature = OpRegistry::instance().signature(op);
  LATHE_CHECK(op.map && args.size() == signature.params.size(), op.name,
              " of ", args.size(), " numbers");
  const bool any_float =
      std::any_of(args.begin(), args.end(), [](const Number& arg) {
        return std::holds_alternative<double>(arg);
      });
  const bool any_int =
      std::any_of(args.begin(), args.end(), [](const Number& arg) {
        return std::holds_alternative<int64_t>(arg);
      });
  std::vector<Expr> literals;
  for (size_t i = 0; i < args.size(); ++i) {
    NumType type = type_for(signature.params[i], any_float, args[i]);
    if (type == NumType::kBool && any_int &&
        signature.params[i].dtype_class == "any") {
      type = NumType::kInt64;
    }
    literals.push_back(as_literal(args[i], type));
  }
  const Expr value = op.map(literals);
  const Literal* result = std::get_if<Literal>(&value->node);
  LATHE_CHECK(result != nullptr, op.name, " of numbers is no number");
  return result->value;
}

namespace {

// The number as an input of a graph that has nothing else.
TensorArg add_operand(Graph& graph, EvaluateInputs& inputs,
                      const OpParam& param, const OpArg& arg, bool any_float) {
  const bool* truth = std::get_if<bool>(&arg.value);
  const Dim* whole = std::get_if<Dim>(&arg.value);
  const bool real = any_float || param.dtype_class == "float";
  const DType dtype = truth != nullptr ? DType::kBool
                      : real           ? DType::kFloat64
                                       : DType::kInt64;
  const ValueId id = graph.add_input({param.name}, {dtype, {}});
  Tensor tensor(dtype, {});
  if (truth != nullptr) {
    tensor.set_int(0, *truth ? 1 : 0);
  } else if (whole != nullptr && !real) {
    tensor.set_int(0, whole->value());
  } else {
    tensor.set(0, whole != nullptr ? static_cast<double>(whole->value())
                                   : std::get<double>(arg.value));
  }
  inputs.tensors.emplace(id, std::move(tensor));
  return {id};
}

bool is_known_number(const OpArg& arg) {
  const Dim* dim = std::get_if<Dim>(&arg.value);
  return dim != nullptr ? dim->is_static()
                        : std::holds_alternative<double>(arg.value) ||
                              std::holds_alternative<bool>(arg.value);
}

bool is_left_out(const OpArg& arg) {
  return std::holds_alternative<std::monostate>(arg.value);
}

Number number_of(const Tensor& tensor) {
  if (is_bool(tensor.dtype())) return tensor.int_at(0) != 0;
  if (is_int(tensor.dtype())) return tensor.int_at(0);
  return tensor.at(0);
}

}  // namespace

std::optional<Number> fold_call(const OpCall& call) try {
  const OpSignature& signature = OpRegistry::instance().signature(*call.op);
  OpCall made = call;
  made.keywords.clear();
  made.positional = bind_arguments(signature, call);
  const bool any_float = std::any_of(
      made.positional.begin(), made.positional.end(), [](const OpArg& arg) {
        return std::holds_alternative<double>(arg.value);
      });
  Graph graph;
  EvaluateInputs inputs;
  for (size_t i = 0; i < signature.params.size(); ++i) {
    const OpParam& param = signature.params[i];
    OpArg& arg = made.positional[i];
    if (is_left_out(arg)) continue;
    if (param.kind == OpParamKind::kTensors) return std::nullopt;
    if (param.kind == OpParamKind::kDType) return std::nullopt;
    if (param.kind != OpParamKind::kTensor) continue;
    if (!is_known_number(arg)) return std::nullopt;
    arg.value = add_operand(graph, inputs, param, arg, any_float);
  }
  if (inputs.tensors.empty()) return std::nullopt;
  const std::vector<ValueId> results = apply_op(graph, made);
  const bool single =
      results.size() == 1 && graph.type(results[0]).shape.empty();
  if (!single) return std::nullopt;
  graph.outputs = {{call.op->name, results[0]}};
  return number_of(evaluate(graph, inputs)[0]);
} catch (const SpecError&) {
  return std::nullopt;  // told where the call is made
}

Expr fold_op_of_sizes(const OpDef& op, const std::vector<Expr>& args) {
  const OpSignature& signature = OpRegistry::instance().signature(op);
  LATHE_CHECK(op.map && args.size() == signature.params.size(), op.name,
              " of ", args.size(), " numbers");
  const bool any_float = std::any_of(
      args.begin(), args.end(),
      [](const Expr& arg) { return arg->type == NumType::kFloat64; });
  std::vector<Expr> numbers;
  for (size_t i = 0; i < args.size(); ++i) {
    const bool real = any_float || signature.params[i].dtype_class == "float";
    numbers.push_back(
        convert(real ? NumType::kFloat64 : NumType::kInt64, args[i]));
  }
  return op.map(numbers);
}

}  // namespace lathe
