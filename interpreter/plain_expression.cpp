#include "interpreter/plain_expression.h"

#include <cmath>
#include <limits>
#include <optional>

#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {
namespace {

[[noreturn]] void refuse(std::string_view op, const Datum& a, const Datum& b,
                         const SourceSpan& span) {
  const Datum& word = bare_word(a) ? a : b;
  fail("L0336", span,
       cat({"`", op, "` does not work on ", described(a), " and ",
            described(b)}),
       word_help(word), word_notes(word));
}

[[noreturn]] void not_known(std::string_view op, const Datum& symbolic,
                            const SourceSpan& span) {
  fail("L0336", span,
       cat({"`", op, "` needs a number that is known while building, and ",
            to_string(symbolic), " is only known at run time"}));
}

[[noreturn]] void overflow(const SourceSpan& span) {
  fail("L0333", span, "the integer is beyond 64 bits");
}

std::optional<double> as_float(const Datum& datum) {
  if (const double* value = datum.as<double>()) return *value;
  const Dim* dim = datum.as<Dim>();
  if (dim == nullptr || !dim->is_static()) return std::nullopt;
  return static_cast<double>(dim->value());
}

// Integer power by squaring; the exponent is not negative.
Dim power(Dim base, int64_t exponent) {
  Dim result = 1;
  while (exponent > 0) {
    if (exponent % 2 == 1) result *= base;
    exponent /= 2;
    if (exponent > 0) base *= base;
  }
  return result;
}

// Arithmetic of two integers or sizes; nothing if the result is a float.
std::optional<Datum> integer_arithmetic(std::string_view op, const Dim& a,
                                        const Dim& b, const SourceSpan& span) {
  const bool divides = op == "//" || op == "%";
  if (divides && b == Dim(0)) fail("L0338", span, "division by zero");
  try {
    if (op == "+") return Datum(a + b);
    if (op == "-") return Datum(a - b);
    if (op == "*") return Datum(a * b);
    if (op == "//") return Datum(floordiv(a, b));
    if (op == "%") return Datum(mod(a, b));
    const bool whole_power = op == "**" && b.is_static() && b.value() >= 0;
    if (whole_power && (a.is_static() || b.value() <= 8)) {
      return Datum(power(a, b.value()));
    }
  } catch (const DimError&) {
    overflow(span);
  }
  return std::nullopt;
}

Datum float_arithmetic(std::string_view op, double a, double b,
                       const SourceSpan& span) {
  if (op == "+") return a + b;
  if (op == "-") return a - b;
  if (op == "*") return a * b;
  if (op == "**") return std::pow(a, b);
  if (b == 0) fail("L0338", span, "division by zero");
  if (op == "/") return a / b;
  // Whole by the remainder: a / b may round up to the next integer.
  const double rest = std::fmod(a, b);
  const bool below = rest != 0 && (rest < 0) != (b < 0);
  if (op == "%") return below ? rest + b : rest;
  return std::round((a - rest) / b - (below ? 1 : 0));
}

bool is_bitwise(std::string_view op) {
  return op == "|" || op == "^" || op == "&" || op == "<<" || op == ">>";
}

// Bits of known integers; shifts drop what leaves the 64 bits on the right
// only.
Datum bitwise(std::string_view op, const Datum& a, const Datum& b,
              const SourceSpan& span) {
  if (a.symbolic()) not_known(op, a, span);
  if (b.symbolic()) not_known(op, b, span);
  if (!a.is<Dim>() || !b.is<Dim>()) refuse(op, a, b, span);
  const int64_t x = a.as<Dim>()->value();
  const int64_t y = b.as<Dim>()->value();
  if (op == "|") return x | y;
  if (op == "^") return x ^ y;
  if (op == "&") return x & y;
  if (y < 0 || y > 62) overflow(span);
  if (op == ">>") return x >> y;
  return *integer_arithmetic("*", x, int64_t{1} << y, span);
}

Datum arithmetic(std::string_view op, const Datum& a, const Datum& b,
                 const SourceSpan& span) {
  const Dim* a_dim = a.as<Dim>();
  const Dim* b_dim = b.as<Dim>();
  if (a_dim != nullptr && b_dim != nullptr) {
    const std::optional<Datum> exact =
        integer_arithmetic(op, *a_dim, *b_dim, span);
    if (exact) return *exact;
  }
  if (a.symbolic()) not_known(op, a, span);
  if (b.symbolic()) not_known(op, b, span);
  const std::optional<double> a_float = as_float(a);
  const std::optional<double> b_float = as_float(b);
  if (!a_float || !b_float) refuse(op, a, b, span);
  return float_arithmetic(op, *a_float, *b_float, span);
}

// `a < b`; nothing if it depends on symbols.
std::optional<bool> less(const Dim& a, const Dim& b) {
  if (provably_less(a, b)) return true;
  if (provably_at_least(a, b)) return false;
  return std::nullopt;
}

Datum ordering(std::string_view op, const Datum& a, const Datum& b,
               const SourceSpan& span) {
  const Dim* a_dim = a.as<Dim>();
  const Dim* b_dim = b.as<Dim>();
  if (a_dim != nullptr && b_dim != nullptr) {
    const bool forward = op == "<" || op == ">=";
    const std::optional<bool> result =
        forward ? less(*a_dim, *b_dim) : less(*b_dim, *a_dim);
    if (!result) not_known(op, a.symbolic() ? a : b, span);
    return op.size() == 1 ? *result : !*result;
  }
  if (a.symbolic()) not_known(op, a, span);
  if (b.symbolic()) not_known(op, b, span);
  const std::optional<double> a_float = as_float(a);
  const std::optional<double> b_float = as_float(b);
  if (!a_float || !b_float) refuse(op, a, b, span);
  if (op == "<") return *a_float < *b_float;
  if (op == "<=") return *a_float <= *b_float;
  return op == ">" ? *a_float > *b_float : *a_float >= *b_float;
}

bool equal(std::string_view op, const Datum& a, const Datum& b,
           const SourceSpan& span) {
  const std::optional<bool> result = datums_equal(a, b);
  if (!result) not_known(op, a.symbolic() ? a : b, span);
  return *result;
}

bool contains(const Datum& item, const Datum& container,
              const SourceSpan& span) {
  if (const DatumList* list = container.as<DatumList>()) {
    for (const Datum& candidate : **list) {
      if (equal("in", item, candidate, span)) return true;
    }
    return false;
  }
  const Text* text = container.as<Text>();
  const Text* part = item.as<Text>();
  if (text == nullptr || part == nullptr) refuse("in", item, container, span);
  return text->text.find(part->text) != std::string::npos;
}

std::optional<Datum> joined(const Datum& a, const Datum& b) {
  const Text* a_text = a.as<Text>();
  const Text* b_text = b.as<Text>();
  if (a_text && b_text) return make_text(a_text->text + b_text->text);
  const DatumList* a_list = a.as<DatumList>();
  const DatumList* b_list = b.as<DatumList>();
  if (!a_list || !b_list) return std::nullopt;
  std::vector<Datum> items = **a_list;
  items.insert(items.end(), (*b_list)->begin(), (*b_list)->end());
  return make_list(std::move(items));
}

}  // namespace

std::optional<double> float_constant(std::string_view name) {
  if (name == "inf") return std::numeric_limits<double>::infinity();
  if (name == "nan") return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

double known_number(const Datum& datum, const SourceSpan& span) {
  const std::optional<double> value = as_float(datum);
  if (value) return *value;
  if (datum.symbolic()) not_known("this", datum, span);
  fail("L0336", span, "this wants a number and gets " + described(datum));
}

Datum plain_unary(std::string_view op, const Datum& a,
                  const SourceSpan& span) {
  if (op == "not") {
    if (const bool* value = a.as<bool>()) return !*value;
  } else if (const Dim* dim = a.as<Dim>()) {
    if (op == "+") return a;
    if (op == "-") return *integer_arithmetic("-", 0, *dim, span);
    if (op == "~" && dim->is_static()) return ~dim->value();
  } else if (const double* value = a.as<double>()) {
    if (op == "+") return a;
    if (op == "-") return -*value;
  }
  fail("L0336", span,
       cat({"`", op, "` does not work on ", described(a)}));
}

Datum plain_binary(std::string_view op, const Datum& a, const Datum& b,
                   const SourceSpan& span) {
  if (op == "==") return equal(op, a, b, span);
  if (op == "!=") return !equal(op, a, b, span);
  if (op == "in") return contains(a, b, span);
  if (op == "not in") return !contains(a, b, span);
  if (is_bitwise(op)) return bitwise(op, a, b, span);
  if (op[0] == '<' || op[0] == '>') return ordering(op, a, b, span);
  if (op == "+") {
    if (std::optional<Datum> result = joined(a, b)) return *result;
  }
  if (op == "@") refuse(op, a, b, span);
  return arithmetic(op, a, b, span);
}

}  // namespace lathe
