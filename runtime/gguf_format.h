#pragma once
// Numbers of the GGUF format that its reader and its writer share.

#include <cstdint>

namespace lathe {

// Of the data, where the metadata says nothing else.
inline constexpr uint32_t kGgufAlignment = 32;

// Types of values in metadata.
enum class GgufValue : uint32_t {
  kUInt8,
  kInt8,
  kUInt16,
  kInt16,
  kUInt32,
  kInt32,
  kFloat32,
  kBool,
  kText,
  kList,
  kUInt64,
  kInt64,
  kFloat64,
};

}  // namespace lathe
