// The functions of the expression language, one row each. This is the only
// place that knows their names.

#include <cmath>

#include "interpreter/plain_expression.h"
#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {
namespace {

using Args = std::vector<Datum>;

constexpr int64_t kLongestRange = 1'000'000;

// The largest double below which every integer has a neighbour.
constexpr double kExactIntegers = 9007199254740992.0;

[[noreturn]] void wants(std::string_view what, const Datum& got,
                        const SourceSpan& span) {
  fail("L0336", span, cat({"this wants ", what, " and gets ", described(got)}));
}

const Dim& integer(const Datum& datum, const SourceSpan& span) {
  const Dim* dim = datum.as<Dim>();
  if (dim == nullptr) wants("an int", datum, span);
  return *dim;
}

int64_t known_integer(const Datum& datum, const SourceSpan& span) {
  const Dim& dim = integer(datum, span);
  if (!dim.is_static()) wants("an int known while building", datum, span);
  return dim.value();
}

// min and max also take one list.
const Args& operands(const Args& args) {
  const DatumList* list = args[0].as<DatumList>();
  return args.size() == 1 && list != nullptr ? **list : args;
}

Datum extreme(const Args& args, const SourceSpan& span, bool largest) {
  const Args& items = operands(args);
  if (items.empty()) fail("L0336", span, "an empty list has no extreme");
  Datum best = items[0];
  for (const Datum& item : items) {
    const Dim* a = best.as<Dim>();
    const Dim* b = item.as<Dim>();
    if (a != nullptr && b != nullptr) {
      best = largest ? max(*a, *b) : min(*a, *b);
      continue;
    }
    const double x = known_number(best, span);
    const double y = known_number(item, span);
    if (largest ? y > x : y < x) best = item;
  }
  if (!best.is<Dim>()) known_number(best, span);
  return best;
}

Datum min_of(const Args& args, const SourceSpan& span) {
  return extreme(args, span, false);
}

Datum max_of(const Args& args, const SourceSpan& span) {
  return extreme(args, span, true);
}

Datum abs_of(const Args& args, const SourceSpan& span) {
  if (const double* value = args[0].as<double>()) return std::fabs(*value);
  const int64_t value = known_integer(args[0], span);
  return value < 0 ? plain_unary("-", args[0], span) : args[0];
}

Datum whole(double value, const SourceSpan& span) {
  if (std::fabs(value) <= kExactIntegers) return static_cast<int64_t>(value);
  fail("L0333", span, "the integer is too large: " + float_text(value));
}

Datum ceil_of(const Args& args, const SourceSpan& span) {
  if (args[0].is<Dim>()) return args[0];
  return whole(std::ceil(known_number(args[0], span)), span);
}

Datum floor_of(const Args& args, const SourceSpan& span) {
  if (args[0].is<Dim>()) return args[0];
  return whole(std::floor(known_number(args[0], span)), span);
}

Datum sqrt_of(const Args& args, const SourceSpan& span) {
  const double value = known_number(args[0], span);
  if (value < 0) {
    fail("L0336", span, "no square root: " + to_string(args[0]));
  }
  return std::sqrt(value);
}

Datum log2_of(const Args& args, const SourceSpan& span) {
  const double value = known_number(args[0], span);
  if (value <= 0) fail("L0336", span, "no logarithm: " + to_string(args[0]));
  return std::log2(value);
}

Datum len_of(const Args& args, const SourceSpan& span) {
  if (const DatumList* list = args[0].as<DatumList>()) {
    return static_cast<int64_t>((*list)->size());
  }
  if (const Text* text = args[0].as<Text>()) {
    return static_cast<int64_t>(text->text.size());
  }
  wants("a list or a text", args[0], span);
}

Datum range_of(const Args& args, const SourceSpan& span) {
  const int64_t first = args.size() > 1 ? known_integer(args[0], span) : 0;
  const int64_t last = known_integer(args[args.size() > 1 ? 1 : 0], span);
  const int64_t step = args.size() > 2 ? known_integer(args[2], span) : 1;
  if (step == 0) fail("L0336", span, "a range needs a step other than 0");
  std::vector<Datum> items;
  for (int64_t i = first; step > 0 ? i < last : i > last; i += step) {
    items.emplace_back(i);
    if (items.size() > kLongestRange) {
      fail("L0342", span, "a range has at most 1,000,000 items");
    }
  }
  return make_list(std::move(items));
}

Datum align_of(const Args& args, const SourceSpan& span) {
  const Dim& value = integer(args[0], span);
  const int64_t multiple = known_integer(args[1], span);
  if (multiple <= 0) wants("a positive multiple", args[1], span);
  return ceildiv(value, multiple) * Dim(multiple);
}

Datum dtype_of(const Args& args, const SourceSpan& span) {
  const Text* text = args[0].as<Text>();
  if (text == nullptr) wants("a text", args[0], span);
  const std::optional<DType> dtype = parse_dtype(text->text);
  if (dtype) return *dtype;
  const std::string near = suggest_dtype(text->text);
  fail("L0336", span, cat({"there is no dtype `", text->text, "`"}),
       near.empty() ? "" : cat({"did you mean `", near, "`?"}));
}

}  // namespace

const std::vector<BuiltinFunction>& builtin_functions() {
  static const std::vector<BuiltinFunction> table = {
      {"min", "min(a, b, ...) or min(list): the smallest", 1, -1, "first",
       min_of},
      {"max", "max(a, b, ...) or max(list): the largest", 1, -1, "first",
       max_of},
      {"abs", "abs(a): without its sign", 1, 1, "first", abs_of},
      {"ceil", "ceil(a): the next integer above", 1, 1, "int", ceil_of},
      {"floor", "floor(a): the next integer below", 1, 1, "int", floor_of},
      {"sqrt", "sqrt(a): square root", 1, 1, "float", sqrt_of},
      {"log2", "log2(a): logarithm to base 2", 1, 1, "float", log2_of},
      {"len", "len(list): number of items", 1, 1, "int", len_of},
      {"range", "range(n), range(first, end, step): a list of integers", 1, 3,
       "list", range_of, true},
      {"dtype_named", "dtype_named(text): the dtype that a text names", 1, 1,
       "dtype", dtype_of},
      {"align", "align(a, n): a rounded up to a multiple of n", 2, 2, "int",
       align_of},
  };
  return table;
}

const BuiltinFunction* find_builtin(std::string_view name) {
  for (const BuiltinFunction& function : builtin_functions()) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

Datum apply_builtin(const BuiltinFunction& function, const Args& args,
                    const SourceSpan& span) {
  const int count = static_cast<int>(args.size());
  const bool too_many = function.max_args >= 0 && count > function.max_args;
  if (count < function.min_args || too_many) {
    fail("L0320", span,
         cat({"`", function.name, "` does not take ", count, " arguments"}),
         std::string(function.doc));
  }
  try {
    return function.apply(args, span);
  } catch (const DimError&) {
    fail("L0333", span, "the integer is beyond 64 bits");
  }
}

}  // namespace lathe
