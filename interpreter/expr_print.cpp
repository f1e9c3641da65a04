// Text of expressions: operators where they have a symbol, calls elsewhere.

#include <cmath>

#include <fmt/core.h>

#include "interpreter/expr.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Binding strength, as in Python; calls and names bind closest.
constexpr int kClosest = 10;

struct Infix {
  ScalarOp op;
  const char* symbol;
  int strength;
};
constexpr Infix kInfix[] = {
    {ScalarOp::kOr, " or ", 1},      {ScalarOp::kAnd, " and ", 2},
    {ScalarOp::kLess, " < ", 3},     {ScalarOp::kLessEqual, " <= ", 3},
    {ScalarOp::kEqual, " == ", 3},   {ScalarOp::kNotEqual, " != ", 3},
    {ScalarOp::kAdd, " + ", 5},      {ScalarOp::kSub, " - ", 5},
    {ScalarOp::kMul, " * ", 6},      {ScalarOp::kDiv, " / ", 6},
    {ScalarOp::kFloorDiv, " // ", 6}, {ScalarOp::kMod, " % ", 6},
};

const Infix* infix_of(ScalarOp op) {
  for (const Infix& row : kInfix) {
    if (row.op == op) return &row;
  }
  return nullptr;
}

std::string print(const Expr& expr, int strength);

std::string print_all(const std::vector<Expr>& exprs) {
  std::string text;
  for (const Expr& expr : exprs) {
    if (!text.empty()) text += ", ";
    text += print(expr, 0);
  }
  return text;
}

std::string print_float(double value, NumType type) {
  const std::string text =
      type == NumType::kFloat32
          ? fmt::format("{}", static_cast<float>(value))
          : fmt::format("{}", value);
  const bool plain = text.find_first_not_of("-0123456789") ==
                     std::string::npos;
  return plain ? text + ".0" : text;
}

std::string print_literal(const Literal& literal, NumType type) {
  if (const bool* truth = std::get_if<bool>(&literal.value)) {
    return *truth ? "true" : "false";
  }
  if (const int64_t* integer = std::get_if<int64_t>(&literal.value)) {
    return std::to_string(*integer);
  }
  return print_float(std::get<double>(literal.value), type);
}

// The printed form and how close its outermost operator binds.
struct Printed {
  std::string text;
  int strength = kClosest;
};

Printed print_call(const Call& call) {
  const Infix* infix = infix_of(call.op);
  if (!infix) {
    return {cat({name_of(call.op), "(", print_all(call.args), ")"})};
  }
  return {print(call.args[0], infix->strength) + infix->symbol +
              print(call.args[1], infix->strength + 1),
          infix->strength};
}

std::string print_reduce(const Reduce& reduce) {
  std::string text = cat({name_of(reduce.op), "("});
  for (const ReduceAxis& axis : reduce.axes) {
    text += cat({axis.var->name, " < ", axis.extent.to_string(), ", "});
  }
  return text + print(reduce.body, 0) + ")";
}

struct Printer {
  NumType type;

  Printed operator()(const Literal& literal) const {
    const std::string text = print_literal(literal, type);
    return {text, text[0] == '-' ? 7 : kClosest};
  }
  Printed operator()(const VarRef& ref) const { return {ref.var->name}; }
  Printed operator()(const SizeOf& size) const {
    return {size.dim.to_string(), size.dim.is_symbol() ? kClosest : 4};
  }
  Printed operator()(const Load& load) const {
    return {cat({"in", load.slot, "[", print_all(load.index), "]"})};
  }
  Printed operator()(const Call& call) const { return print_call(call); }
  Printed operator()(const Cast& cast) const {
    return {cat({"cast(", print(cast.arg, 0), ", ", to_string(cast.dtype),
                 ")"})};
  }
  Printed operator()(const Reduce& reduce) const {
    return {print_reduce(reduce)};
  }
  Printed operator()(const CheckedIndex& checked) const {
    std::string text = cat({"checked(", print(checked.index, 0), " < ",
                            print(checked.extent, 4)});
    // In a node's own definition it is that node, and no position yet.
    if (checked.site >= 0) {
      text += cat({", site ", checked.site, " at ",
                   print(checked.position, 0)});
    }
    return {text + ")"};
  }
  Printed operator()(const Ramp& ramp) const {
    return {cat({"ramp(", print(ramp.base, 0), ", ", ramp.stride, ", ",
                 ramp.lanes, ")"})};
  }
};

// `expr` in parentheses if it binds less closely than `strength`.
std::string print(const Expr& expr, int strength) {
  Printed printed = std::visit(Printer{expr->type}, expr->node);
  if (printed.strength >= strength) return std::move(printed.text);
  return "(" + printed.text + ")";
}

}  // namespace

std::string to_string(const Expr& expr) { return print(expr, 0); }

}  // namespace lathe
