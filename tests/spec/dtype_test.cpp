#include "spec/dtype.h"

#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "spec/dim.h"
#include "spec/store_scaled.h"

namespace lathe {
namespace {

const double kInfinity = std::numeric_limits<double>::infinity();
const double kNaN = std::numeric_limits<double>::quiet_NaN();

// How often values from `count` bit patterns do not survive a round trip, and
// how often the midpoint between neighbours is not rounded to the even one.
template <typename Bits, typename Value, typename Encode>
int wrong_round_trips(int count, Value value, Encode encode) {
  int wrong = 0;
  for (int i = 0; i < count; ++i) {
    Bits bits = static_cast<Bits>(i);
    double v = static_cast<double>(value(bits));
    if (std::isnan(v)) {
      wrong += !std::isnan(static_cast<double>(value(encode(v))));
      continue;
    }
    wrong += encode(v) != bits;
    double next = static_cast<double>(value(static_cast<Bits>(bits + 1)));
    bool neighbours = std::isfinite(v) && std::isfinite(next) &&
                      std::signbit(v) == std::signbit(next) && i + 1 < count;
    if (!neighbours) continue;
    double middle = v + (next - v) / 2;
    Bits even = (bits & 1) == 0 ? bits : static_cast<Bits>(bits + 1);
    wrong += encode(middle) != even;
    wrong += encode(std::nextafter(middle, v)) != bits;
    wrong +=
        encode(std::nextafter(middle, next)) != static_cast<Bits>(bits + 1);
  }
  return wrong;
}

// Every value of a float type of two bytes or one, what is half way to the next
// and what is beside that: the numbers on which roundings differ.
std::vector<float> hard_values(DType dtype) {
  std::vector<float> values = {1e-42f, 3e38f, -3e38f};
  const int count = 1 << (8 * size_of(dtype));
  for (int i = 0; i < count; ++i) {
    const auto bits = static_cast<uint16_t>(i);
    const auto after = static_cast<uint16_t>(i + 1);
    const auto value = static_cast<float>(load_scalar(dtype, &bits));
    const auto next = static_cast<float>(load_scalar(dtype, &after));
    const float middle = value + (next - value) / 2;
    values.insert(values.end(), {value, middle, std::nextafter(middle, 3e38f),
                                 std::nextafter(middle, -3e38f)});
  }
  return values;
}

// How many of the values store_scaled() stores otherwise than store_scalar().
int wrongly_scaled(DType dtype, const std::vector<float>& values, double factor,
                   double offset) {
  const auto bytes = static_cast<size_t>(size_of(dtype));
  std::vector<std::byte> many(values.size() * bytes);
  store_scaled(dtype, many.data(), values, factor, offset);
  int wrong = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    std::array<std::byte, 8> one;
    store_scalar(dtype, one.data(), offset + factor * double{values[i]});
    wrong += std::memcmp(&many[i * bytes], one.data(), bytes) != 0;
  }
  return wrong;
}

}  // namespace

TEST_CASE("dtype: many values are stored as they are one by one") {
  for (const DTypeInfo& row : all_dtypes()) {
    if (is_block(row.dtype)) continue;
    CAPTURE(row.name);
    for (size_t count : {0u, 1u, 255u, 256u, 257u}) {
      std::vector<float> few(count);
      for (size_t i = 0; i < count; ++i) few[i] = static_cast<float>(i) / 7;
      CHECK_EQ(wrongly_scaled(row.dtype, few, 0.3, 0), 0);
    }
    if (!is_float(row.dtype)) continue;
    for (DType dtype : {DType::kFloat8E4M3FN, DType::kFloat8E5M2,
                        DType::kFloat16, DType::kBFloat16}) {
      const std::vector<float> values = hard_values(dtype);
      CHECK_EQ(wrongly_scaled(row.dtype, values, 1, 0), 0);
      CHECK_EQ(wrongly_scaled(row.dtype, values, -1 - 1e-9, 0), 0);
      CHECK_EQ(wrongly_scaled(row.dtype, values, 0.02, 1), 0);
      CHECK_EQ(wrongly_scaled(row.dtype, values, 1e-30, 1e-39), 0);
      CHECK_EQ(wrongly_scaled(row.dtype, values, kInfinity, -1e300), 0);
      CHECK_EQ(wrongly_scaled(row.dtype, values, 0, kNaN), 0);
    }
  }
}

TEST_CASE("dtype: every narrow float survives, midpoints go to even") {
  CHECK_EQ(wrong_round_trips<uint16_t>(65536, float16_value, float16_bits), 0);
  CHECK_EQ(wrong_round_trips<uint16_t>(65536, bfloat16_value, bfloat16_bits),
           0);
  CHECK_EQ(wrong_round_trips<uint8_t>(256, float8_e5m2_value, float8_e5m2_bits),
           0);
  CHECK_EQ(
      wrong_round_trips<uint8_t>(256, float8_e4m3fn_value, float8_e4m3fn_bits),
      0);
}

TEST_CASE("dtype: known values of narrow floats") {
  CHECK_EQ(float16_bits(1.0), 0x3C00);
  CHECK_EQ(float16_bits(65504.0), 0x7BFF);
  CHECK_EQ(float16_bits(65519.99), 0x7BFF);
  CHECK_EQ(float16_bits(65520.0), 0x7C00);
  CHECK_EQ(float16_bits(std::ldexp(1.0, -24)), 0x0001);
  CHECK_EQ(float16_bits(std::ldexp(1.0, -25)), 0x0000);
  CHECK_EQ(float16_bits(std::nextafter(std::ldexp(1.0, -25), 1.0)), 0x0001);
  CHECK_EQ(float16_bits(-0.0), 0x8000);
  CHECK_EQ(bfloat16_bits(1.0), 0x3F80);
  CHECK_EQ(bfloat16_bits(3.4e38), 0x7F80);
  CHECK_EQ(bfloat16_bits(-kInfinity), 0xFF80);
  CHECK_EQ(float8_e4m3fn_value(0x7E), 448.0f);
  CHECK_EQ(float8_e4m3fn_value(0x01), std::ldexp(1.0f, -9));
  CHECK(std::isnan(float8_e4m3fn_value(0xFF)));
  CHECK_EQ(float8_e5m2_value(0x7B), 57344.0f);
  CHECK_EQ(float8_e5m2_value(0x01), std::ldexp(1.0f, -16));
}

TEST_CASE("dtype: e4m3 saturates, the others overflow to infinity") {
  CHECK_EQ(float8_e4m3fn_bits(1e9), 0x7E);
  CHECK_EQ(float8_e4m3fn_bits(-kInfinity), 0xFE);
  CHECK_EQ(float8_e4m3fn_bits(kNaN) & 0x7F, 0x7F);
  CHECK_EQ(float8_e5m2_bits(1e9), 0x7C);
  CHECK_EQ(round_to(DType::kFloat8E4M3FN, 465.0), 448.0);
  CHECK_EQ(round_to(DType::kFloat8E5M2, 61440.0), kInfinity);
  CHECK_EQ(round_to(DType::kFloat32, 1e39), kInfinity);
  CHECK(std::isnan(round_to(DType::kFloat16, kNaN)));
}

TEST_CASE("dtype: integers truncate and wrap") {
  CHECK_EQ(round_to(DType::kInt8, 127.9), 127.0);
  CHECK_EQ(round_to(DType::kInt8, 128.0), -128.0);
  CHECK_EQ(round_to(DType::kUInt8, -1.0), 255.0);
  CHECK_EQ(round_to(DType::kInt32, -2.7), -2.0);
  CHECK_EQ(round_to(DType::kInt64, 1e30), -9223372036854775808.0);
  CHECK_EQ(round_to(DType::kBool, 0.5), 1.0);
  int64_t exact = (int64_t{1} << 53) + 1;
  int64_t stored = 0;
  store_int(DType::kInt64, &stored, exact);
  CHECK_EQ(load_int(DType::kInt64, &stored), exact);
  store_int(DType::kInt16, &stored, 70000);
  CHECK_EQ(load_int(DType::kInt16, &stored), 4464);
  float f = 0;
  store_int(DType::kFloat32, &f, exact);
  CHECK_EQ(f, 9007199254740992.0f);
}

TEST_CASE("dtype: block types have two names, whole blocks and no values") {
  int types = 0;
  for (const DTypeInfo& row : all_dtypes()) {
    if (!is_block(row.dtype)) continue;
    CAPTURE(row.name);
    ++types;
    CHECK(parse_dtype(row.name) == row.dtype);
    CHECK(parse_dtype(row.short_name) == row.dtype);
    CHECK_FALSE((is_float(row.dtype) || is_int(row.dtype)));
    CHECK_EQ(bytes_of(row.dtype, 3 * row.values_per_block),
             3 * row.bytes_per_block);
  }
  CHECK_EQ(types, 10);
  CHECK_FALSE(dtype_from_safetensors("").has_value());
}

TEST_CASE("dtype: the table is consistent") {
  for (const DTypeInfo& row : all_dtypes()) {
    if (is_block(row.dtype)) continue;
    CAPTURE(row.name);
    CHECK_EQ(&info(row.dtype), &row);
    CHECK(parse_dtype(row.name) == row.dtype);
    CHECK(parse_dtype(row.short_name) == row.dtype);
    CHECK(dtype_from_safetensors(row.safetensors) == row.dtype);
    CHECK_EQ(round_to(row.dtype, highest_value(row.dtype)),
             (row.dtype == DType::kInt64 ? -1 : 1) * highest_value(row.dtype));
    CHECK_EQ(round_to(row.dtype, lowest_value(row.dtype)),
             lowest_value(row.dtype));
    CHECK_EQ(is_float(row.dtype) + is_int(row.dtype) + is_bool(row.dtype), 1);
    CHECK_EQ(bytes_of(row.dtype, 10), 10 * size_of(row.dtype));
  }
  CHECK_FALSE(parse_dtype("float").has_value());
  CHECK_FALSE(parse_dtype("").has_value());
}

TEST_CASE("dtype: near names are suggested") {
  CHECK_EQ(suggest_dtype("float23"), "float32");
  CHECK_EQ(suggest_dtype("bfloat_16"), "bfloat16");
  CHECK_EQ(suggest_dtype("Float32"), "float32");
  CHECK_EQ(suggest_dtype("bf15"), "bfloat16");
  CHECK_EQ(suggest_dtype("complex"), "");
}

TEST_CASE("dtype: byte counts beyond 2^63 are errors") {
  CHECK_EQ(bytes_of(DType::kFloat32, int64_t{1} << 40), int64_t{1} << 42);
  CHECK_THROWS_AS(bytes_of(DType::kFloat64, int64_t{1} << 60), DimError);
}

}  // namespace lathe
