#include "spec/dtype.h"

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
    if (!code.empty() && code == row.safetensors) return row.dtype;
  }
  return std::nullopt;
}

bool is_float(DType dtype) { return info(dtype).dtype_class == kFloat; }
bool is_int(DType dtype) { return info(dtype).dtype_class == kInt; }
bool is_bool(DType dtype) { return info(dtype).dtype_class == kBool; }
bool is_block(DType dtype) { return info(dtype).dtype_class == kBlock; }

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
    throw DimError(cat(
        {count, " values of ", row.name, " take more than 2^63 - 1 bytes"}));
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
    LATHE_BLOCK_CASES:
      break;
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

}  // namespace lathe
