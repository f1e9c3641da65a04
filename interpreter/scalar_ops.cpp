#include "interpreter/scalar_ops.h"

#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "spec/check.h"

namespace lathe {
namespace {

// Functions are passed as types of stateless lambdas, so that each loop is
// compiled with its function inlined.
template <typename In, typename Out, typename F>
void run_lanes(int n, const In* a, [[maybe_unused]] const In* b, Out* out) {
  for (int i = 0; i < n; ++i) {
    if constexpr (std::is_invocable_v<F, In, In>) {
      out[i] = static_cast<Out>(F{}(a[i], b[i]));
    } else {
      out[i] = static_cast<Out>(F{}(a[i]));
    }
  }
}

template <typename F>
ScalarFunction on_floats(F) {
  return {.floats = run_lanes<double, double, F>};
}

template <typename F>
ScalarFunction on_ints(F) {
  return {.ints = run_lanes<int64_t, int64_t, F>};
}

template <typename F, typename G>
ScalarFunction on_numbers(F, G) {
  return {.floats = run_lanes<double, double, F>,
          .ints = run_lanes<int64_t, int64_t, G>};
}

template <typename F>
ScalarFunction test(F) {
  return {.bools = run_lanes<uint8_t, uint8_t, F>,
          .float_tests = run_lanes<double, uint8_t, F>,
          .int_tests = run_lanes<int64_t, uint8_t, F>};
}

template <typename F>
ScalarFunction float_test(F) {
  return {.float_tests = run_lanes<double, uint8_t, F>};
}

template <typename F>
ScalarFunction on_bits(F) {
  return {.int_floats = run_lanes<int64_t, double, F>};
}

template <typename F>
ScalarFunction logic(F) {
  return {.bools = run_lanes<uint8_t, uint8_t, F>};
}

// Signed arithmetic that wraps at 64 bits.
uint64_t bits(int64_t value) { return static_cast<uint64_t>(value); }
int64_t wrap(uint64_t value) { return static_cast<int64_t>(value); }

int64_t floor_div_ints(int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return wrap(0 - bits(a));
  const int64_t quotient = a / b;
  return quotient - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

int64_t mod_ints(int64_t a, int64_t b) {
  if (b == 0 || b == -1) return 0;
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

double mod_floats(double a, double b) {
  const double rest = std::fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

// Whole by the remainder, since a / b may round up to the next integer.
double floor_div_floats(double a, double b) {
  if (b == 0) return a / b;
  const double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0 && (rest < 0) != (b < 0)) quotient -= 1;
  return quotient == 0 ? std::copysign(0.0, a / b) : std::round(quotient);
}

int64_t pow_ints(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 1) return 1;
    if (base == -1) return exponent % 2 == 0 ? 1 : -1;
    return 0;
  }
  uint64_t result = 1;
  uint64_t factor = bits(base);
  for (; exponent != 0; exponent >>= 1) {
    if (exponent & 1) result *= factor;
    factor *= factor;
  }
  return wrap(result);
}

double min_floats(double a, double b) { return a < b || std::isnan(a) ? a : b; }
double max_floats(double a, double b) { return a > b || std::isnan(a) ? a : b; }

int64_t shift_left(int64_t a, int64_t b) {
  return b < 0 || b > 63 ? 0 : wrap(bits(a) << b);
}
int64_t shift_right(int64_t a, int64_t b) {
  return a >> (b < 0 || b > 63 ? 63 : b);
}

// One case a row: a table, as long as scalar_ops.def is.
ScalarFunction function_of(ScalarOp op) {
  using D = double;
  using I = int64_t;
  switch (op) {
    case ScalarOp::kAdd:
      return on_numbers([](D a, D b) { return a + b; },
                        [](I a, I b) { return wrap(bits(a) + bits(b)); });
    case ScalarOp::kSub:
      return on_numbers([](D a, D b) { return a - b; },
                        [](I a, I b) { return wrap(bits(a) - bits(b)); });
    case ScalarOp::kMul:
      return on_numbers([](D a, D b) { return a * b; },
                        [](I a, I b) { return wrap(bits(a) * bits(b)); });
    case ScalarOp::kDiv:
      return on_floats([](D a, D b) { return a / b; });
    case ScalarOp::kFloorDiv:
      return on_numbers([](D a, D b) { return floor_div_floats(a, b); },
                        [](I a, I b) { return floor_div_ints(a, b); });
    case ScalarOp::kMod:
      return on_numbers([](D a, D b) { return mod_floats(a, b); },
                        [](I a, I b) { return mod_ints(a, b); });
    case ScalarOp::kPow:
      return on_numbers([](D a, D b) { return std::pow(a, b); },
                        [](I a, I b) { return pow_ints(a, b); });
    case ScalarOp::kMin:
      return on_numbers([](D a, D b) { return min_floats(a, b); },
                        [](I a, I b) { return a < b ? a : b; });
    case ScalarOp::kMax:
      return on_numbers([](D a, D b) { return max_floats(a, b); },
                        [](I a, I b) { return a > b ? a : b; });
    case ScalarOp::kNeg:
      return on_numbers([](D a) { return -a; },
                        [](I a) { return wrap(0 - bits(a)); });
    case ScalarOp::kAbs:
      return on_numbers([](D a) { return std::fabs(a); },
                        [](I a) { return a < 0 ? wrap(0 - bits(a)) : a; });
    case ScalarOp::kFloor:
      return on_floats([](D a) { return std::floor(a); });
    case ScalarOp::kCeil:
      return on_floats([](D a) { return std::ceil(a); });
    case ScalarOp::kTrunc:
      return on_floats([](D a) { return std::trunc(a); });
    case ScalarOp::kRound:
      return on_floats([](D a) { return std::nearbyint(a); });
    case ScalarOp::kExp:
      return on_floats([](D a) { return std::exp(a); });
    case ScalarOp::kLog:
      return on_floats([](D a) { return std::log(a); });
    case ScalarOp::kLog1p:
      return on_floats([](D a) { return std::log1p(a); });
    case ScalarOp::kSqrt:
      return on_floats([](D a) { return std::sqrt(a); });
    case ScalarOp::kRsqrt:
      return on_floats([](D a) { return 1 / std::sqrt(a); });
    case ScalarOp::kSin:
      return on_floats([](D a) { return std::sin(a); });
    case ScalarOp::kCos:
      return on_floats([](D a) { return std::cos(a); });
    case ScalarOp::kTanh:
      return on_floats([](D a) { return std::tanh(a); });
    case ScalarOp::kErf:
      return on_floats([](D a) { return std::erf(a); });
    case ScalarOp::kSigmoid:
      return on_floats([](D a) { return 1 / (1 + std::exp(-a)); });
    case ScalarOp::kEqual:
      return test([](auto a, auto b) { return a == b; });
    case ScalarOp::kNotEqual:
      return test([](auto a, auto b) { return a != b; });
    case ScalarOp::kLess:
      return test([](auto a, auto b) { return a < b; });
    case ScalarOp::kLessEqual:
      return test([](auto a, auto b) { return a <= b; });
    case ScalarOp::kAnd:
      return logic([](uint8_t a, uint8_t b) { return a & b; });
    case ScalarOp::kOr:
      return logic([](uint8_t a, uint8_t b) { return a | b; });
    case ScalarOp::kXor:
      return logic([](uint8_t a, uint8_t b) { return a ^ b; });
    case ScalarOp::kNot:
      return logic([](uint8_t a) { return a ^ 1; });
    case ScalarOp::kIsNan:
      return float_test([](D a) { return std::isnan(a); });
    case ScalarOp::kIsInf:
      return float_test([](D a) { return std::isinf(a); });
    case ScalarOp::kSelect:
      return {};
    case ScalarOp::kBitAnd:
      return on_ints([](I a, I b) { return a & b; });
    case ScalarOp::kBitOr:
      return on_ints([](I a, I b) { return a | b; });
    case ScalarOp::kBitXor:
      return on_ints([](I a, I b) { return a ^ b; });
    case ScalarOp::kShiftLeft:
      return on_ints([](I a, I b) { return shift_left(a, b); });
    case ScalarOp::kShiftRight:
      return on_ints([](I a, I b) { return shift_right(a, b); });
    case ScalarOp::kFloat16Bits:
      return on_bits([](I a) {
        return static_cast<D>(float16_value(static_cast<uint16_t>(a)));
      });
    case ScalarOp::kFloat32Bits:
      return on_bits([](I a) {
        return static_cast<D>(std::bit_cast<float>(static_cast<uint32_t>(a)));
      });
  }
  LATHE_CHECK(false, "unknown scalar function");
}

constexpr int kScalarOpCount = 0
#define LATHE_SCALAR_OP(id, name, arity, result) +1
#include "interpreter/scalar_ops.def"
#undef LATHE_SCALAR_OP
    ;

// Runs a lane function on one lane.
template <typename In, typename Out>
Out run_one(void (*function)(int, const In*, const In*, Out*),
            const std::vector<In>& args) {
  LATHE_CHECK(function != nullptr, "no such function on these types");
  Out out{};
  function(1, &args.front(), &args.back(), &out);
  return out;
}

template <typename T, typename Read>
std::vector<T> values_of(const std::vector<Number>& args, Read read) {
  std::vector<T> values;
  for (const Number& arg : args) values.push_back(read(arg));
  return values;
}

}  // namespace

const ScalarFunction& scalar_function(ScalarOp op) {
  static const std::array<ScalarFunction, kScalarOpCount> table = [] {
    std::array<ScalarFunction, kScalarOpCount> rows;
    for (int i = 0; i < kScalarOpCount; ++i) {
      rows[i] = function_of(static_cast<ScalarOp>(i));
    }
    return rows;
  }();
  return table[static_cast<size_t>(op)];
}

const ScalarFunction& combiner(ReduceOp op) {
  switch (op) {
    case ReduceOp::kSum:
      return scalar_function(ScalarOp::kAdd);
    case ReduceOp::kProd:
      return scalar_function(ScalarOp::kMul);
    case ReduceOp::kMin:
    case ReduceOp::kArgMin:
      return scalar_function(ScalarOp::kMin);
    case ReduceOp::kMax:
    case ReduceOp::kArgMax:
      return scalar_function(ScalarOp::kMax);
  }
  LATHE_CHECK(false, "unknown reduction");
}

template <typename T>
T neutral(ReduceOp op) {
  using Limits = std::numeric_limits<T>;
  switch (op) {
    case ReduceOp::kSum:
      return 0;
    case ReduceOp::kProd:
      return 1;
    case ReduceOp::kMin:
    case ReduceOp::kArgMin:
      return Limits::has_infinity ? Limits::infinity() : Limits::max();
    case ReduceOp::kMax:
    case ReduceOp::kArgMax:
      return Limits::has_infinity ? -Limits::infinity() : Limits::min();
  }
  LATHE_CHECK(false, "unknown reduction");
}

template double neutral(ReduceOp op);
template int64_t neutral(ReduceOp op);

int64_t truncate_to_int(double value) {
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  const bool fits = value >= -kLimit && value < kLimit;
  return fits ? static_cast<int64_t>(value)
              : std::numeric_limits<int64_t>::min();
}

double as_double(const Number& number) {
  return std::visit([](auto v) { return static_cast<double>(v); }, number);
}

int64_t as_int(const Number& number) {
  if (const double* value = std::get_if<double>(&number)) {
    return truncate_to_int(*value);
  }
  if (const bool* value = std::get_if<bool>(&number)) return *value ? 1 : 0;
  return std::get<int64_t>(number);
}

bool as_bool(const Number& number) {
  return std::visit([](auto v) { return v != 0; }, number);
}

Number apply_scalar(ScalarOp op, NumType type,
                    const std::vector<Number>& args) {
  if (op == ScalarOp::kSelect) return as_bool(args[0]) ? args[1] : args[2];
  const ScalarFunction& function = scalar_function(op);
  if (type == NumType::kBool) {
    return run_one(function.bools, values_of<uint8_t>(args, as_bool)) != 0;
  }
  if (type == NumType::kInt64) {
    const std::vector<int64_t> values = values_of<int64_t>(args, as_int);
    if (function.int_tests) return run_one(function.int_tests, values) != 0;
    if (function.int_floats) return run_one(function.int_floats, values);
    return run_one(function.ints, values);
  }
  const std::vector<double> values = values_of<double>(args, as_double);
  if (function.float_tests) return run_one(function.float_tests, values) != 0;
  return run_one(function.floats, values);
}

}  // namespace lathe
