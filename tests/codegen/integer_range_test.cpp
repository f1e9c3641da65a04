#include "codegen/integer_range.h"

#include <doctest/doctest.h>

#include "codegen/linear_form.h"
#include "spec/text.h"

namespace lathe {
namespace {

Expr op(ScalarOp op, const Expr& a, int64_t b) {
  return call(op, {a, int_literal(b)});
}

std::string range_text(const Expr& expr) {
  auto range = range_of(expr, {});
  if (!range) return "any";
  return cat({range->low, " to ", range->high, ", ", bits_of(*range),
              " bits"});
}

// factor and term of a form in x.
std::string linear_text(const Expr& expr, const Var& x) {
  auto form = linear_in(expr, x);
  if (!form) return "none";
  std::string factor = form->factor.get() ? to_string(form->factor) : "1";
  std::string term = form->term.get() ? to_string(form->term) : "0";
  return factor + " ; " + term;
}

}  // namespace

TEST_CASE("integer range: masks, shifts and casts bound their numbers") {
  Expr word = load(0, DType::kInt32, {int_literal(0)});
  Expr byte = load(1, DType::kUInt8, {int_literal(0)});
  Expr nibble = op(ScalarOp::kBitAnd, op(ScalarOp::kShiftRight, word, 8), 15);
  CHECK_EQ(range_text(byte), "0 to 255, 8 bits");
  CHECK_EQ(range_text(nibble), "0 to 15, 4 bits");
  CHECK_EQ(range_text(nibble - 8), "-8 to 7, 4 bits");
  CHECK_EQ(range_text(nibble - nibble), "-15 to 15, 5 bits");
  CHECK_EQ(range_text(op(ScalarOp::kShiftRight, byte, 6)), "0 to 3, 2 bits");
  CHECK_EQ(range_text(call(ScalarOp::kBitOr,
                           {nibble, op(ScalarOp::kShiftLeft, nibble, 4)})),
           "0 to 255, 8 bits");
  CHECK_EQ(range_text(cast(DType::kInt8, byte)), "-128 to 127, 8 bits");
  CHECK_EQ(range_text(cast(DType::kInt8, nibble)), "0 to 15, 4 bits");
  CHECK_EQ(range_text(load(2, DType::kInt64, {int_literal(0)})), "any");
}

TEST_CASE("integer range: clamped floats fit 32 bits") {
  const Expr x = var(make_var("x", NumType::kFloat32));
  const auto number = [](double value) {
    return float_literal(value, NumType::kFloat32);
  };
  const auto clamped = [&](double low, double high) {
    return min(max(x, number(low)), number(high));
  };
  CHECK(fits_int32(clamped(-127, 127)));
  CHECK(fits_int32(call(ScalarOp::kRound, {clamped(-0.5, 254.5)})));
  CHECK(fits_int32(clamped(-2147483648.0, 2147483520.0)));
  CHECK_FALSE(fits_int32(clamped(-127, 2147483647.0)));
  CHECK_FALSE(fits_int32(max(x, number(0))));
  CHECK_FALSE(fits_int32(min(x, number(0))));
  CHECK_FALSE(fits_int32(x));
}

TEST_CASE("linear form: sums and products of what is free of x") {
  Var x = make_var("x", NumType::kFloat32), s = make_var("s", NumType::kFloat32),
      z = make_var("z", NumType::kFloat32);
  CHECK_EQ(linear_text(var(x), x), "1 ; 0");
  CHECK_EQ(linear_text(var(s) * var(x), x), "s ; 0");
  CHECK_EQ(linear_text((var(x) + var(z)) * var(s), x), "s ; z * s");
  CHECK_EQ(linear_text(var(s) * var(x) - var(z), x), "s ; z * -1.0");
  CHECK_EQ(linear_text(var(x) * var(x), x), "none");
  CHECK_EQ(linear_text(sqrt(var(x)), x), "none");
}

}  // namespace lathe
