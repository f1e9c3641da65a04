#pragma once
// Arithmetic of expressions on plain values, where no tensor takes part: the
// operators, and the one table of built-in functions. Integers are exact and
// an overflow is an error; a symbolic size stays one where that is possible.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/datum.h"

namespace lathe {

// A function of the expression language.
struct BuiltinFunction {
  std::string_view name;
  std::string_view doc;  // "min(a, b, ...) or min(list): the smallest"
  int min_args = 1;
  int max_args = 1;  // -1: any number
  std::string_view result = "float";  // its type; "first": of the argument
  Datum (*apply)(const std::vector<Datum>& args, const SourceSpan& span) =
      nullptr;
  // In a body the op of this name is meant instead, whatever the arguments.
  bool op_in_body = false;
};

const std::vector<BuiltinFunction>& builtin_functions();
const BuiltinFunction* find_builtin(std::string_view name);

// Applies a function. L0320 for a wrong number of arguments, L0336 for
// arguments that it does not take.
Datum apply_builtin(const BuiltinFunction& function,
                    const std::vector<Datum>& args, const SourceSpan& span);

// `op` as an expression writes it: "-", "+", "not"; "+", "//", "in", ...
// L0333 on overflow, L0338 for a division by zero, L0336 for other operands.
Datum plain_unary(std::string_view op, const Datum& a, const SourceSpan& span);
Datum plain_binary(std::string_view op, const Datum& a, const Datum& b,
                   const SourceSpan& span);

// The numbers that have names, `inf` and `nan`: what no digits can write.
std::optional<double> float_constant(std::string_view name);

// The datum as a known float; L0336 if it is none.
double known_number(const Datum& datum, const SourceSpan& span);

}  // namespace lathe
