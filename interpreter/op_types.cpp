#include "interpreter/op_types.h"

#include "spec/check.h"

namespace lathe {
namespace {

// Significant binary digits, the hidden one included.
int float_digits(DType dtype) {
  if (dtype == DType::kFloat8E4M3FN) return 4;
  if (dtype == DType::kFloat8E5M2) return 3;
  if (dtype == DType::kFloat16) return 11;
  if (dtype == DType::kBFloat16) return 8;
  if (dtype == DType::kFloat32) return 24;
  LATHE_CHECK(dtype == DType::kFloat64, "no digits of ", to_string(dtype));
  return 53;
}

// bool < integers by width < floats by width.
int rank_of(DType dtype) {
  if (is_bool(dtype)) return 0;
  return (is_int(dtype) ? 100 : 200) + size_of(dtype);
}

}  // namespace

bool converts_exactly(DType from, DType to) {
  if (from == to || is_bool(from)) return true;
  if (is_bool(to)) return false;
  if (is_int(from)) {
    if (is_int(to)) {
      return lowest_int(to) <= lowest_int(from) &&
             highest_int(from) <= highest_int(to);
    }
    return 8 * size_of(from) <= float_digits(to);
  }
  return is_float(to) && float_digits(from) <= float_digits(to) &&
         highest_value(from) <= highest_value(to);
}

std::optional<DType> promote_dtypes(DType a, DType b) {
  const DType higher = rank_of(a) >= rank_of(b) ? a : b;
  const auto holds_both = [&](DType dtype) {
    return converts_exactly(a, dtype) && converts_exactly(b, dtype);
  };
  if (holds_both(higher)) return higher;
  if ((is_float8(a) || is_float8(b)) && holds_both(DType::kFloat16)) {
    return DType::kFloat16;
  }
  return std::nullopt;
}

bool in_dtype_class(DType dtype, std::string_view dtype_class) {
  if (dtype_class == "any") return true;
  if (dtype_class == "number") return !is_bool(dtype);
  if (dtype_class == "float") return is_float(dtype);
  if (dtype_class == "int") return is_int(dtype);
  return to_string(dtype) == dtype_class;
}

BroadcastDim broadcast_dims(const Dim& a, const Dim& b) {
  if (provably_equal(a, b)) return {true, a, false};
  if (a == Dim(1)) return {true, b, false};
  if (b == Dim(1)) return {true, a, false};
  if (provably_different(a, b)) return {false, a, false};
  return {true, b.is_static() ? b : a, true};
}

}  // namespace lathe
