// Single values of any dtype in memory.
#include <array>
#include <cstring>
#include <limits>

#include "spec/dtype.h"

namespace lathe {
namespace {

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
    LATHE_BLOCK_CASES:
      break;
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
    LATHE_BLOCK_CASES:
      break;
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
    LATHE_BLOCK_CASES:
      break;
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
    LATHE_BLOCK_CASES:
      break;
  }
}

double round_to(DType dtype, double value) {
  std::array<char, sizeof(double)> storage;
  store_scalar(dtype, storage.data(), value);
  return load_scalar(dtype, storage.data());
}

}  // namespace lathe
