// Elementwise ops on plain numbers.

#include <algorithm>

#include "interpreter/op.h"
#include "interpreter/scalar_ops.h"
#include "spec/check.h"

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
