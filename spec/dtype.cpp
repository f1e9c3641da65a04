#include "spec/dtype.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "spec/check.h"
#include "spec/dim.h"
#include "spec/suggest.h"

namespace lathe {
namespace {

using enum DTypeClass;

constexpr DTypeInfo kInfos[] = {
#define LATHE_DTYPE(id, name, short_name, cls, bytes, values, code) \
  {DType::id, name, short_name, cls, bytes, values, code},
#include "spec/dtypes.def"
#undef LATHE_DTYPE
};

// Shape of a narrow float: bits of exponent and mantissa.
struct FloatFormat {
  int exponent_bits;
  int mantissa_bits;
  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
};

constexpr FloatFormat kHalf = {5, 10};
constexpr FloatFormat kBrain = {8, 7};
constexpr FloatFormat kE4M3 = {4, 3};
constexpr FloatFormat kE5M2 = {5, 2};

// Magnitude bits of a finite or infinite `value`, rounded to nearest even as
// if the exponent were unbounded above; the caller deals with overflow.
uint32_t round_magnitude(double value, FloatFormat format) {
  constexpr int kDoubleMantissa = 52;
  uint64_t bits = std::bit_cast<uint64_t>(value) & ~(uint64_t{1} << 63);
  int exponent = static_cast<int>(bits >> kDoubleMantissa) - 1023;
  uint64_t mantissa = (bits & ((uint64_t{1} << kDoubleMantissa) - 1)) |
                      (uint64_t{1} << kDoubleMantissa);
  int smallest = 1 - format.bias();
  int shift = kDoubleMantissa - format.mantissa_bits;
  uint32_t base = 0;
  if (exponent >= smallest) {
    // The leading one of the mantissa adds the last 1 to the exponent.
    base = static_cast<uint32_t>(exponent - smallest)
           << format.mantissa_bits;
  } else {
    shift += smallest - exponent;  // subnormal
  }
  if (shift > kDoubleMantissa + 1) return 0;  // below half the smallest
  uint64_t half = uint64_t{1} << (shift - 1);
  uint64_t odd = (mantissa >> shift) & 1;
  return base + static_cast<uint32_t>((mantissa + half - 1 + odd) >> shift);
}

uint32_t sign_bit(double value, int position) {
  return std::signbit(value) ? uint32_t{1} << position : 0;
}

// Encodes into a format with infinities, IEEE style.
uint32_t encode_ieee(double value, FloatFormat format) {
  uint32_t infinity = ((uint32_t{1} << format.exponent_bits) - 1)
                      << format.mantissa_bits;
  uint32_t sign =
      sign_bit(value, format.exponent_bits + format.mantissa_bits);
  if (std::isnan(value)) {
    return sign | infinity | (uint32_t{1} << (format.mantissa_bits - 1));
  }
  return sign | std::min(round_magnitude(value, format), infinity);
}

template <typename T>
T load_as(const void* p) {
  T value;
  std::memcpy(&value, p, sizeof(T));
  return value;
}

template <typename T>
void store_as(void* p, T value) {
  std::memcpy(p, &value, sizeof(T));
}

int64_t truncate(double value) {
  constexpr double kLimit = 9223372036854775808.0;
  if (!(value >= -kLimit && value < kLimit)) {
    return std::numeric_limits<int64_t>::min();
  }
  return static_cast<int64_t>(value);
}

}  // namespace

std::span<const DTypeInfo> all_dtypes() { return kInfos; }

const DTypeInfo& info(DType dtype) {
  return kInfos[static_cast<size_t>(dtype)];
}

std::string_view to_string(DType dtype) { return info(dtype).name; }

std::optional<DType> parse_dtype(std::string_view name) {
  for (const DTypeInfo& row : kInfos) {
    if (name == row.name || name == row.short_name) return row.dtype;
  }
  return std::nullopt;
}

std::string suggest_dtype(std::string_view name) {
  std::vector<std::string> names;
  for (const DTypeInfo& row : kInfos) {
    names.emplace_back(row.name);
    names.emplace_back(row.short_name);
  }
  std::string best = nearest(name, names);
  return best.empty() ? best : std::string(to_string(*parse_dtype(best)));
}

std::optional<DType> dtype_from_safetensors(std::string_view code) {
  for (const DTypeInfo& row : kInfos) {
    if (code == row.safetensors) return row.dtype;
  }
  return std::nullopt;
}

bool is_float(DType dtype) { return info(dtype).dtype_class == kFloat; }
bool is_int(DType dtype) { return info(dtype).dtype_class == kInt; }
bool is_bool(DType dtype) { return info(dtype).dtype_class == kBool; }

bool is_float8(DType dtype) {
  return dtype == DType::kFloat8E4M3FN || dtype == DType::kFloat8E5M2;
}

int size_of(DType dtype) {
  LATHE_CHECK(info(dtype).values_per_block == 1, to_string(dtype),
              " comes in blocks");
  return info(dtype).bytes_per_block;
}

int64_t bytes_of(DType dtype, int64_t count) {
  const DTypeInfo& row = info(dtype);
  int64_t blocks = count / row.values_per_block +
                   (count % row.values_per_block != 0 ? 1 : 0);
  int64_t bytes = 0;
  if (__builtin_mul_overflow(blocks, row.bytes_per_block, &bytes)) {
    throw DimError(cat({count, " values of ", row.name,
                        " take more than 2^63 - 1 bytes"}));
  }
  return bytes;
}

double highest_value(DType dtype) {
  switch (dtype) {
    case DType::kBool:
    case DType::kInt8:
    case DType::kUInt8:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kInt64:
      return static_cast<double>(highest_int(dtype));
    case DType::kFloat8E4M3FN:
      return 448;
    case DType::kFloat8E5M2:
      return 57344;
    case DType::kFloat16:
      return 65504;
    case DType::kBFloat16:
      return static_cast<double>(bfloat16_value(0x7F7F));
    case DType::kFloat32:
      return static_cast<double>(std::numeric_limits<float>::max());
    case DType::kFloat64:
      return std::numeric_limits<double>::max();
  }
  LATHE_CHECK(false, "no such dtype");
  return 0;
}

double lowest_value(DType dtype) {
  if (is_float(dtype)) return -highest_value(dtype);
  return static_cast<double>(lowest_int(dtype));
}

int64_t highest_int(DType dtype) {
  LATHE_CHECK(!is_float(dtype), to_string(dtype), " is no integer type");
  if (is_bool(dtype)) return 1;
  if (dtype == DType::kUInt8) return 255;
  return std::numeric_limits<int64_t>::max() >> (64 - 8 * size_of(dtype));
}

int64_t lowest_int(DType dtype) {
  if (is_bool(dtype) || dtype == DType::kUInt8) return 0;
  return -highest_int(dtype) - 1;
}

double load_scalar(DType dtype, const void* p) {
  switch (dtype) {
    case DType::kBool:
    case DType::kInt8:
    case DType::kUInt8:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kInt64:
      return static_cast<double>(load_int(dtype, p));
    case DType::kFloat8E4M3FN:
      return static_cast<double>(float8_e4m3fn_value(load_as<uint8_t>(p)));
    case DType::kFloat8E5M2:
      return static_cast<double>(float8_e5m2_value(load_as<uint8_t>(p)));
    case DType::kFloat16:
      return static_cast<double>(float16_value(load_as<uint16_t>(p)));
    case DType::kBFloat16:
      return static_cast<double>(bfloat16_value(load_as<uint16_t>(p)));
    case DType::kFloat32:
      return static_cast<double>(load_as<float>(p));
    case DType::kFloat64:
      return load_as<double>(p);
  }
  return 0;
}

void store_scalar(DType dtype, void* p, double value) {
  switch (dtype) {
    case DType::kBool:
      return store_as<uint8_t>(p, value != 0 ? 1 : 0);
    case DType::kInt8:
    case DType::kUInt8:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kInt64:
      return store_int(dtype, p, truncate(value));
    case DType::kFloat8E4M3FN:
      return store_as(p, float8_e4m3fn_bits(value));
    case DType::kFloat8E5M2:
      return store_as(p, float8_e5m2_bits(value));
    case DType::kFloat16:
      return store_as(p, float16_bits(value));
    case DType::kBFloat16:
      return store_as(p, bfloat16_bits(value));
    case DType::kFloat32:
      return store_as(p, static_cast<float>(value));
    case DType::kFloat64:
      return store_as(p, value);
  }
}

int64_t load_int(DType dtype, const void* p) {
  switch (dtype) {
    case DType::kBool:
      return load_as<uint8_t>(p) != 0 ? 1 : 0;
    case DType::kInt8:
      return load_as<int8_t>(p);
    case DType::kUInt8:
      return load_as<uint8_t>(p);
    case DType::kInt16:
      return load_as<int16_t>(p);
    case DType::kInt32:
      return load_as<int32_t>(p);
    case DType::kInt64:
      return load_as<int64_t>(p);
    case DType::kFloat8E4M3FN:
    case DType::kFloat8E5M2:
    case DType::kFloat16:
    case DType::kBFloat16:
    case DType::kFloat32:
    case DType::kFloat64:
      return truncate(load_scalar(dtype, p));
  }
  return 0;
}

void store_int(DType dtype, void* p, int64_t value) {
  switch (dtype) {
    case DType::kBool:
      return store_as<uint8_t>(p, value != 0 ? 1 : 0);
    case DType::kInt8:
    case DType::kUInt8:
      return store_as(p, static_cast<uint8_t>(value));
    case DType::kInt16:
      return store_as(p, static_cast<int16_t>(value));
    case DType::kInt32:
      return store_as(p, static_cast<int32_t>(value));
    case DType::kInt64:
      return store_as(p, value);
    case DType::kFloat32:
      return store_as(p, static_cast<float>(value));
    case DType::kFloat8E4M3FN:
    case DType::kFloat8E5M2:
    case DType::kFloat16:
    case DType::kBFloat16:
    case DType::kFloat64:
      return store_scalar(dtype, p, static_cast<double>(value));
  }
}

double round_to(DType dtype, double value) {
  std::array<char, sizeof(double)> storage;
  store_scalar(dtype, storage.data(), value);
  return load_scalar(dtype, storage.data());
}

uint16_t float16_bits(double value) {
  return static_cast<uint16_t>(encode_ieee(value, kHalf));
}

uint16_t bfloat16_bits(double value) {
  return static_cast<uint16_t>(encode_ieee(value, kBrain));
}

uint8_t float8_e4m3fn_bits(double value) {
  constexpr uint32_t kLargest = 0x7E;
  uint32_t sign = sign_bit(value, 7);
  if (std::isnan(value)) return static_cast<uint8_t>(sign | 0x7F);
  return static_cast<uint8_t>(
      sign | std::min(round_magnitude(value, kE4M3), kLargest));
}

uint8_t float8_e5m2_bits(double value) {
  return static_cast<uint8_t>(encode_ieee(value, kE5M2));
}

float float16_value(uint16_t bits) {
  uint32_t sign = static_cast<uint32_t>(bits >> 15) << 31;
  uint32_t exponent = (bits >> 10) & 31;
  uint32_t mantissa = bits & 1023;
  if (exponent == 0) {
    float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  uint32_t wide = exponent == 31 ? 255 : exponent + (127 - 15);
  return std::bit_cast<float>(sign | wide << 23 | mantissa << 13);
}

float bfloat16_value(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

float float8_e4m3fn_value(uint8_t bits) {
  uint32_t exponent = (bits >> 3) & 15;
  uint32_t mantissa = bits & 7;
  float magnitude;
  if ((bits & 0x7F) == 0x7F) {
    magnitude = std::numeric_limits<float>::quiet_NaN();
  } else if (exponent == 0) {
    magnitude = static_cast<float>(mantissa) * 0x1p-9f;
  } else {
    magnitude = std::bit_cast<float>((exponent + (127 - 7)) << 23 |
                                     mantissa << 20);
  }
  return (bits & 0x80) != 0 ? -magnitude : magnitude;
}

// The upper half of a float16.
float float8_e5m2_value(uint8_t bits) {
  return float16_value(static_cast<uint16_t>(bits << 8));
}

}  // namespace lathe
