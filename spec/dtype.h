#pragma once
// Element types. The set is the table spec/dtypes.def; a value is stored and
// loaded here and nowhere else on the host, so that rounding has one home.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lathe {

enum class DType : uint8_t {
#define LATHE_DTYPE(id, name, short_name, cls, bytes, values, code) id,
#include "spec/dtypes.def"
#undef LATHE_DTYPE
};

// Labels of a switch over dtypes for those that come in blocks of several
// values, which no single value can have.
#define LATHE_BLOCK_CASES    \
  case DType::kQ4_0:         \
  case DType::kQ4_1:         \
  case DType::kQ5_0:         \
  case DType::kQ5_1:         \
  case DType::kQ8_0:         \
  case DType::kQ2_K:         \
  case DType::kQ3_K:         \
  case DType::kQ4_K:         \
  case DType::kQ5_K:         \
  case DType::kQ6_K

// kBlock: a weight may be stored so; values are decoded from its bytes.
enum class DTypeClass : uint8_t { kBool, kInt, kFloat, kBlock };

// A row of the table. Storage comes in blocks: `values_per_block` values take
// `bytes_per_block` bytes; plain types have one value a block.
struct DTypeInfo {
  DType dtype;
  std::string_view name;        // "bfloat16", as printed
  std::string_view short_name;  // "bf16", accepted too
  DTypeClass dtype_class;
  int bytes_per_block;
  int values_per_block;
  std::string_view safetensors;  // the code in a safetensors header, or ""
};

// All rows, in the order of the enum.
std::span<const DTypeInfo> all_dtypes();

const DTypeInfo& info(DType dtype);

// "bfloat16".
std::string_view to_string(DType dtype);

// From a name, short name or alias ("float", "half" are not); nothing if
// unknown.
std::optional<DType> parse_dtype(std::string_view name);

// The nearest dtype name for a message, or empty.
std::string suggest_dtype(std::string_view name);

// From the code of a safetensors header.
std::optional<DType> dtype_from_safetensors(std::string_view code);

bool is_float(DType dtype);
bool is_int(DType dtype);
bool is_bool(DType dtype);
// True for q4_0, q4_k and their kin, in which only weights are stored.
bool is_block(DType dtype);

// True for the two float8 types.
bool is_float8(DType dtype);

// Bytes of one value. Requires: one value a block.
int size_of(DType dtype);

// Bytes that `count` values take, blocks rounded up.
// Throws DimError beyond 2^63 - 1.
int64_t bytes_of(DType dtype, int64_t count);

// Smallest and largest finite value; the whole range for integers.
double lowest_value(DType dtype);
double highest_value(DType dtype);

// Smallest and largest value of an integer or bool type, exactly.
int64_t lowest_int(DType dtype);
int64_t highest_int(DType dtype);

// The value at `p`, exactly. int64 beyond 2^53 rounds: see load_int.
double load_scalar(DType dtype, const void* p);

// Stores `value` rounded to nearest even. e4m3 saturates (NaN stays NaN), e5m2
// and the wider types overflow to infinity, bool stores value != 0.
// Integers truncate towards zero, then wrap as a conversion in C++20 does;
// values beyond int64 and NaN give the lowest int64 before wrapping.
void store_scalar(DType dtype, void* p, double value);

// Integer and bool types, exactly; floats are truncated.
int64_t load_int(DType dtype, const void* p);

// Stores an integer: wraps into narrower integers, rounds into floats.
void store_int(DType dtype, void* p, int64_t value);

// `value` rounded to the type and back: what a store and a load give.
double round_to(DType dtype, double value);

// The conversions behind store_scalar, from float32 or float64 bits to 8 or 16.
uint16_t float16_bits(double value);
uint16_t bfloat16_bits(double value);
uint8_t float8_e4m3fn_bits(double value);
uint8_t float8_e5m2_bits(double value);
float float16_value(uint16_t bits);
float bfloat16_value(uint16_t bits);
float float8_e4m3fn_value(uint8_t bits);
float float8_e5m2_value(uint8_t bits);

}  // namespace lathe
