// Arithmetic, comparisons and logic, element by element.

#include <cmath>

#include "interpreter/op.h"
#include "interpreter/scalar_ops.h"
#include "layers/pair_samples.h"

namespace lathe {
namespace {

const std::vector<std::string> kBoolSamples = {
    "x: [N], y: [N]", "x: [B, 7], y: [7]", "x: [5, 3].T, y: [5]",
};

// An op of two arguments of one dtype class.
OpDef binary(const char* name, const char* infix, const char* dtype_class,
             const char* result, const char* doc,
             std::function<Expr(const Expr&, const Expr&)> map) {
  const std::string type = dtype_class;
  return {.name = name,
          .doc = doc,
          .signature = "x: " + type + "[*s], y: " + type + "[*t] -> " +
                       result + "[*broadcast(s, t)]",
          .map = [map](const std::vector<Expr>& a) { return map(a[0], a[1]); },
          .samples = type == "bool" ? kBoolSamples : kPairSamples,
          .infix = infix};
}

// The op is one scalar function.
OpDef binary(const char* name, const char* infix, const char* dtype_class,
             const char* result, const char* doc, ScalarOp op) {
  return binary(name, infix, dtype_class, result, doc,
                [op](const Expr& a, const Expr& b) {
                  return call(op, {a, b});
                });
}

const Number* number_of(const Expr& expr) {
  const Literal* literal = std::get_if<Literal>(&expr->node);
  return literal ? &literal->value : nullptr;
}

// True division; integers become float64 first.
Expr divide(const Expr& a, const Expr& b) {
  if (a->type != NumType::kInt64) return a / b;
  return convert(NumType::kFloat64, a) / convert(NumType::kFloat64, b);
}

// Small constant exponents are spelled out, as fast kernels do.
Expr power(const Expr& base, const Expr& exponent) {
  const Number* number = number_of(exponent);
  const double value = number ? as_double(*number) : NAN;
  const bool integers = base->type == NumType::kInt64;
  if (integers && number_of(base) && value < 0) {
    return call(ScalarOp::kPow, {convert(NumType::kFloat64, base),
                                 convert(NumType::kFloat64, exponent)});
  }
  if (value == 1) return base;
  if (value == 2) return base * base;
  if (value == 3) return base * base * base;
  if (!integers && value == 0.5) return sqrt(base);
  if (!integers && value == -0.5) return rsqrt(base);
  if (!integers && value == -1) return 1.0 / base;
  return call(ScalarOp::kPow, {base, exponent});
}

const RegisterOp kArithmetic[] = {
    RegisterOp(binary("add", "+", "number", "number",
                      "x + y. Integers wrap around at the width of their "
                      "dtype.",
                      ScalarOp::kAdd)),
    RegisterOp(binary("sub", "-", "number", "number", "x - y.",
                      ScalarOp::kSub)),
    RegisterOp(binary("mul", "*", "number", "number", "x * y.",
                      ScalarOp::kMul)),
    RegisterOp(binary("div", "/", "number", "float",
                      "x / y, the true quotient. Two integers give float64.",
                      divide)),
    RegisterOp(binary("floor_div", "//", "number", "number",
                      "floor(x / y): the quotient rounded down, as in Python: "
                      "-7 // 2 is -4. An integer divided by 0 gives 0.",
                      ScalarOp::kFloorDiv)),
    RegisterOp(binary("mod", "%", "number", "number",
                      "x - y * floor(x / y): the remainder has the sign of "
                      "y, as in Python: -7.5 % 2 is 0.5. An integer modulo 0 "
                      "gives 0.",
                      ScalarOp::kMod)),
    RegisterOp(binary("pow", "**", "number", "number",
                      "x to the power y. A negative x is fine where y is an "
                      "integer. Integers stay integers: to a negative power "
                      "they give 0, or 1 or -1 for x = 1 or -1.",
                      power)),
    RegisterOp(binary("maximum", "", "number", "number",
                      "The larger of x and y. NaN if either is NaN, as in "
                      "PyTorch.",
                      ScalarOp::kMax)),
    RegisterOp(binary("minimum", "", "number", "number",
                      "The smaller of x and y. NaN if either is NaN, as in "
                      "PyTorch.",
                      ScalarOp::kMin)),
};

const RegisterOp kComparisons[] = {
    RegisterOp(binary("equal", "==", "any", "bool",
                      "x == y. NaN is equal to nothing.", ScalarOp::kEqual)),
    RegisterOp(binary("not_equal", "!=", "any", "bool",
                      "x != y. True where either is NaN.",
                      ScalarOp::kNotEqual)),
    RegisterOp(binary("less", "<", "any", "bool",
                      "x < y. False where either is NaN.", ScalarOp::kLess)),
    RegisterOp(binary("less_equal", "<=", "any", "bool",
                      "x <= y. False where either is NaN.",
                      ScalarOp::kLessEqual)),
    RegisterOp(binary("greater", ">", "any", "bool",
                      "x > y. False where either is NaN.",
                      [](const Expr& a, const Expr& b) { return a > b; })),
    RegisterOp(binary("greater_equal", ">=", "any", "bool",
                      "x >= y. False where either is NaN.",
                      [](const Expr& a, const Expr& b) { return a >= b; })),
};

const RegisterOp kLogic[] = {
    RegisterOp(binary("logical_and", "and", "bool", "bool",
                      "True where x and y are. Both must be bool tensors.",
                      ScalarOp::kAnd)),
    RegisterOp(binary("logical_or", "or", "bool", "bool",
                      "True where x or y is. Both must be bool tensors.",
                      ScalarOp::kOr)),
    RegisterOp(binary("logical_xor", "", "bool", "bool",
                      "True where just one of x and y is. Both must be bool "
                      "tensors.",
                      ScalarOp::kXor)),
    RegisterOp({
        .name = "logical_not",
        .doc = "True where x is false. x must be a bool tensor.",
        .signature = "x: bool[*s] -> bool[*s]",
        .map = [](const std::vector<Expr>& a) { return !a[0]; },
        .samples = {"x: [N]", "x: [3, 4]"},
        .prefix = "not",
    }),
};

}  // namespace
}  // namespace lathe
