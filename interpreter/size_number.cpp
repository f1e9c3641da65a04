#include "interpreter/size_number.h"

#include <algorithm>

#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Powers of sizes up to this one are sizes.
constexpr int64_t kMostPower = 8;

Expr expression_of(const Datum& number) {
  if (const auto* sizes = number.as<SizeNumber>()) return sizes->value;
  if (const Dim* dim = number.as<Dim>()) return size_of(*dim);
  if (const bool* flag = number.as<bool>()) return int_literal(*flag);
  return float_literal(*number.as<double>(), NumType::kFloat64);
}

bool is_small_power(const Datum& exponent) {
  const Dim* dim = exponent.as<Dim>();
  return dim != nullptr && dim->is_static() && dim->value() >= 0 &&
         dim->value() <= kMostPower;
}

}  // namespace

bool needs_sizes(std::string_view op, const Datum& a, const Datum& b) {
  constexpr std::string_view kArithmetic[] = {"+",  "-", "*", "/",
                                              "//", "%", "**"};
  if (!a.symbolic() && !b.symbolic()) return false;
  if (!a.number() || !b.number() || a.is<bool>() || b.is<bool>()) return false;
  if (std::count(std::begin(kArithmetic), std::end(kArithmetic), op) == 0) {
    return false;
  }
  if (!a.is<Dim>() || !b.is<Dim>()) return true;
  return op == "/" || (op == "**" && !is_small_power(b));
}

Datum as_real(const Datum& datum) {
  return SizeNumber{convert(NumType::kFloat64, expression_of(datum))};
}

Datum apply_to_sizes(const OpDef& op, const std::vector<Datum>& numbers,
                     const SourceSpan& span) {
  std::vector<Expr> args;
  for (const Datum& number : numbers) args.push_back(expression_of(number));
  const Expr value = fold_op_of_sizes(op, args);
  if (value->type != NumType::kBool) return SizeNumber{value};
  const auto symbolic =
      std::find_if(numbers.begin(), numbers.end(),
                   [](const Datum& number) { return number.symbolic(); });
  fail("L0336", span,
       cat({"`", op.name, "` of numbers alone is decided while building, and ",
            to_string(*symbolic), " is only known at run time"}));
}

}  // namespace lathe
