#pragma once
// NumPy's npy format, versions 1 to 3: one array of plain little-endian
// numbers in C or Fortran order. Structured and object arrays are refused.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "interpreter/tensor.h"
#include "spec/dtype.h"

namespace lathe {

// What a header says.
struct NpyHeader {
  DType dtype = DType::kFloat32;  // of the tensor that is made
  int stored_bytes = 0;           // of one stored element
  bool fortran_order = false;
  std::vector<int64_t> shape;
  size_t data_offset = 0;
};

// Reads the header and checks that the data is all there. Throws SpecError
// L0515 with `path`. Types: bool, int8 to int64, uint8, float16 to float64;
// uint16 and uint32 become int32 and int64.
NpyHeader parse_npy(std::span<const std::byte> bytes, const std::string& path);

// A copy of the array, in C order. Throws SpecError L0515.
Tensor tensor_from_npy(std::span<const std::byte> bytes,
                       const std::string& path);

// The array of a file, in C order; a view of it where possible. Throws
// SpecError L0511 and L0515.
Tensor read_npy(const std::string& path);

// True if the format has the type.
bool npy_has(DType dtype);

// Writes version 1.0, whole or not at all. bfloat16 and float8, which the
// format lacks, become float32. Throws SpecError L0512.
void write_npy(const std::string& path, const Tensor& tensor);

}  // namespace lathe
