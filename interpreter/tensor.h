#pragma once
// A tensor in host memory: dtype, static shape, contiguous row-major bytes.
// Copies share the bytes. Views of mapped files are tensors too: `owner`
// keeps the mapping alive.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "spec/dtype.h"

namespace lathe {

class Tensor {
 public:
  Tensor() = default;
  // Zero-filled, 64-byte aligned. Throws SpecError L0410 when the byte count
  // exceeds 2^63 and DeviceError L0702 when memory is short.
  Tensor(DType dtype, std::vector<int64_t> shape);
  // A view of `bytes` bytes at `data`, kept alive by `owner`.
  Tensor(DType dtype, std::vector<int64_t> shape, std::byte* data,
         std::shared_ptr<const void> owner);

  DType dtype() const { return dtype_; }
  const std::vector<int64_t>& shape() const { return shape_; }
  int rank() const { return static_cast<int>(shape_.size()); }
  int64_t numel() const { return numel_; }
  int64_t bytes() const;

  const std::byte* data() const { return data_; }
  std::byte* mutable_data() { return data_; }
  template <typename T>
  const T* as() const {
    return reinterpret_cast<const T*>(data_);
  }
  template <typename T>
  T* mutable_as() {
    return reinterpret_cast<T*>(data_);
  }

  // Element at flat position i, as double or (exactly) as int64.
  double at(int64_t i) const;
  int64_t int_at(int64_t i) const;
  // Stores with the dtype's rounding.
  void set(int64_t i, double value);
  void set_int(int64_t i, int64_t value);

 private:
  DType dtype_ = DType::kFloat32;
  std::vector<int64_t> shape_;
  int64_t numel_ = 0;
  std::byte* data_ = nullptr;
  std::shared_ptr<const void> owner_;
};

// The tensor with every element converted to `dtype`.
Tensor convert(const Tensor& tensor, DType dtype);

// "float32[2, 3] [[1, 2, 3], [4, 5, 6]]", long ones shortened.
std::string to_string(const Tensor& tensor, int max_elements = 16);

}  // namespace lathe
