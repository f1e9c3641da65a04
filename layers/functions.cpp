// Functions of one argument, element by element.

#include <string>
#include <utility>

#include "interpreter/op.h"

namespace lathe {
namespace {

const std::vector<std::string> kUnarySamples = {
    "x: [N]", "x: [2, 3]", "x: []", "x: [9, 4].T", "x: [B, 17]",
};

using UnaryMap = std::function<Expr(const Expr&)>;

OpDef unary(const char* name, const char* dtype_class, const char* result,
            const char* doc, UnaryMap map) {
  return {.name = name,
          .doc = doc,
          .signature = std::string("x: ") + dtype_class + "[*s] -> " +
                       result + "[*s]",
          .map = [map](const std::vector<Expr>& a) { return map(a[0]); },
          .samples = kUnarySamples};
}

// A scalar function of floats.
OpDef float_function(const char* name, const char* doc, ScalarOp op) {
  return unary(name, "float", "float", doc,
               [op](const Expr& x) { return call(op, {x}); });
}

// A rounding function; integers are whole already.
OpDef rounding(const char* name, const char* doc, ScalarOp op) {
  return unary(name, "number", "number", doc, [op](const Expr& x) {
    return x->type == NumType::kInt64 ? x : call(op, {x});
  });
}

OpDef with_prefix(OpDef def, std::string prefix) {
  def.prefix = std::move(prefix);
  return def;
}

Expr absolute(const Expr& x) { return call(ScalarOp::kAbs, {x}); }
Expr negative(const Expr& x) { return -x; }

const RegisterOp kFunctions[] = {
    RegisterOp(unary("abs", "number", "number",
                     "The absolute value. The lowest integer stays itself.",
                     absolute)),
    RegisterOp(with_prefix(
        unary("neg", "number", "number", "-x.", negative), "-")),
    RegisterOp(float_function("exp", "e to the power x.", ScalarOp::kExp)),
    RegisterOp(float_function(
        "log", "The natural logarithm; -inf at 0, NaN below it.",
        ScalarOp::kLog)),
    RegisterOp(float_function(
        "log1p", "log(1 + x), precise near 0; NaN below -1.",
        ScalarOp::kLog1p)),
    RegisterOp(float_function("sqrt", "The square root; NaN below 0.",
                              ScalarOp::kSqrt)),
    RegisterOp(float_function("rsqrt", "1 / sqrt(x); inf at 0, NaN below it.",
                              ScalarOp::kRsqrt)),
    RegisterOp(float_function("sin", "The sine of x in radians.",
                              ScalarOp::kSin)),
    RegisterOp(float_function("cos", "The cosine of x in radians.",
                              ScalarOp::kCos)),
    RegisterOp(float_function(
        "erf", "The error function, 2/sqrt(pi) * integral of exp(-t^2).",
        ScalarOp::kErf)),
    RegisterOp(unary("is_nan", "float", "bool", "True where x is NaN.",
                     [](const Expr& x) {
                       return call(ScalarOp::kIsNan, {x});
                     })),
    RegisterOp(unary("is_inf", "float", "bool", "True where x is inf or -inf.",
                     [](const Expr& x) {
                       return call(ScalarOp::kIsInf, {x});
                     })),
};

const RegisterOp kRounding[] = {
    RegisterOp(rounding("floor", "The largest whole number <= x.",
                        ScalarOp::kFloor)),
    RegisterOp(rounding("ceil", "The smallest whole number >= x.",
                        ScalarOp::kCeil)),
    RegisterOp(rounding("trunc", "x without its fraction, rounded towards 0.",
                        ScalarOp::kTrunc)),
    RegisterOp(rounding("round",
                        "The nearest whole number, halves to the even one: "
                        "2.5 gives 2, -7.5 gives -8.",
                        ScalarOp::kRound)),
};

}  // namespace
}  // namespace lathe
