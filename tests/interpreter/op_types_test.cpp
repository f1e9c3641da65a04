#include "interpreter/op_types.h"

#include <doctest/doctest.h>

#include <string>

namespace lathe {
namespace {

std::string promoted(const char* a, const char* b) {
  const std::optional<DType> both = promote_dtypes(*parse_dtype(a),
                                                   *parse_dtype(b));
  const std::optional<DType> swapped = promote_dtypes(*parse_dtype(b),
                                                      *parse_dtype(a));
  CHECK(both == swapped);
  return both ? std::string(info(*both).short_name) : "none";
}

}  // namespace

TEST_CASE("promotion: the higher dtype, if both fit into it") {
  CHECK_EQ(promoted("bf16", "f32"), "f32");
  CHECK_EQ(promoted("f16", "f32"), "f32");
  CHECK_EQ(promoted("f32", "f64"), "f64");
  CHECK_EQ(promoted("bool", "i8"), "i8");
  CHECK_EQ(promoted("bool", "bool"), "b8");
  CHECK_EQ(promoted("i8", "f32"), "f32");
  CHECK_EQ(promoted("i16", "f32"), "f32");
  CHECK_EQ(promoted("u8", "bf16"), "bf16");
  CHECK_EQ(promoted("i8", "f16"), "f16");
  CHECK_EQ(promoted("i32", "f64"), "f64");
  CHECK_EQ(promoted("i8", "i32"), "i32");
  CHECK_EQ(promoted("i32", "i64"), "i64");
  CHECK_EQ(promoted("u8", "i16"), "i16");
}

TEST_CASE("promotion: float8 meets narrow types in float16") {
  CHECK_EQ(promoted("f8e4m3", "f16"), "f16");
  CHECK_EQ(promoted("f8e4m3", "bf16"), "bf16");
  CHECK_EQ(promoted("f8e4m3", "f8e5m2"), "f16");
  CHECK_EQ(promoted("f8e4m3", "i8"), "f16");
}

TEST_CASE("promotion: never with loss") {
  CHECK_EQ(promoted("bf16", "f16"), "none");
  CHECK_EQ(promoted("i32", "f32"), "none");
  CHECK_EQ(promoted("i64", "f64"), "none");
  CHECK_EQ(promoted("i16", "bf16"), "none");
  CHECK_EQ(promoted("i16", "f16"), "none");
  CHECK_EQ(promoted("u8", "i8"), "none");
}

}  // namespace lathe
