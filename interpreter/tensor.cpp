#include "interpreter/tensor.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include <fmt/core.h>

#include "spec/check.h"
#include "spec/diagnostic.h"
#include "spec/dim.h"
#include "spec/text.h"

namespace lathe {
namespace {

constexpr size_t kAlignment = 64;

std::string shape_text(const std::vector<int64_t>& shape) {
  std::vector<std::string> sizes;
  for (int64_t size : shape) sizes.push_back(std::to_string(size));
  return "[" + join(sizes, ", ") + "]";
}

int64_t count_elements(const std::vector<int64_t>& shape) {
  Dim count = 1;
  for (int64_t size : shape) {
    LATHE_CHECK(size >= 0, "a tensor of shape ", shape_text(shape));
    // A size of 0 makes the tensor empty however large the others are.
    if (size == 0) return 0;
  }
  for (int64_t size : shape) count *= size;
  return count.value();
}

std::shared_ptr<std::byte> allocate(int64_t bytes, const std::string& what) {
  const size_t rounded =
      (static_cast<size_t>(bytes) + kAlignment - 1) / kAlignment * kAlignment;
  // calloc gives untouched pages, but only malloc's alignment.
  void* block = std::calloc(rounded + kAlignment, 1);
  if (!block) {
    throw DeviceError("L0702", cat({"no memory for ", what, " (", bytes,
                                    " bytes)"}));
  }
  const auto address = reinterpret_cast<uintptr_t>(block);
  const size_t shift = (kAlignment - address % kAlignment) % kAlignment;
  return {static_cast<std::byte*>(block) + shift,
          [block](std::byte*) { std::free(block); }};
}

}  // namespace

Tensor::Tensor(DType dtype, std::vector<int64_t> shape)
    : dtype_(dtype), shape_(std::move(shape)) {
  const std::string what =
      cat({to_string(dtype_), shape_text(shape_)});
  int64_t size = 0;
  try {
    numel_ = count_elements(shape_);
    size = bytes_of(dtype_, numel_);
  } catch (const DimError&) {
    fail("L0410", {}, cat({what, " takes more than 2^63 bytes"}));
  }
  auto block = allocate(size, what);
  data_ = block.get();
  owner_ = std::move(block);
}

Tensor::Tensor(DType dtype, std::vector<int64_t> shape, std::byte* data,
               std::shared_ptr<const void> owner)
    : dtype_(dtype),
      shape_(std::move(shape)),
      numel_(count_elements(shape_)),
      data_(data),
      owner_(std::move(owner)) {}

int64_t Tensor::bytes() const { return bytes_of(dtype_, numel_); }

double Tensor::at(int64_t i) const {
  return load_scalar(dtype_, data_ + i * size_of(dtype_));
}
int64_t Tensor::int_at(int64_t i) const {
  return load_int(dtype_, data_ + i * size_of(dtype_));
}
void Tensor::set(int64_t i, double value) {
  store_scalar(dtype_, data_ + i * size_of(dtype_), value);
}
void Tensor::set_int(int64_t i, int64_t value) {
  store_int(dtype_, data_ + i * size_of(dtype_), value);
}

Tensor convert(const Tensor& tensor, DType dtype) {
  if (tensor.dtype() == dtype) return tensor;
  Tensor result(dtype, tensor.shape());
  const bool exact = !is_float(tensor.dtype());
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    if (exact) {
      result.set_int(i, tensor.int_at(i));
    } else {
      result.set(i, tensor.at(i));
    }
  }
  return result;
}

namespace {

std::string element_text(const Tensor& tensor, int64_t i) {
  if (is_float(tensor.dtype())) {
    const double value = tensor.at(i);
    return std::isnan(value) ? "nan" : fmt::format("{:.6g}", value);
  }
  const int64_t value = tensor.int_at(i);
  if (is_bool(tensor.dtype())) return value ? "true" : "false";
  return std::to_string(value);
}

// Elements [begin, begin + size of the last axes) with brackets, at most
// `limit` of them in one row.
std::string rows_text(const Tensor& tensor, int axis, int64_t begin,
                      int64_t limit) {
  if (axis == tensor.rank()) return element_text(tensor, begin);
  int64_t stride = 1;
  for (int i = axis + 1; i < tensor.rank(); ++i) stride *= tensor.shape()[i];
  const int64_t size = tensor.shape()[axis];
  const int64_t shown = std::min(size, limit);
  std::vector<std::string> items;
  for (int64_t i = 0; i < shown; ++i) {
    items.push_back(rows_text(tensor, axis + 1, begin + i * stride,
                              std::max<int64_t>(1, limit / shown)));
  }
  if (shown < size) items.push_back("...");
  return "[" + join(items, ", ") + "]";
}

}  // namespace

std::string to_string(const Tensor& tensor, int max_elements) {
  return cat({to_string(tensor.dtype()), shape_text(tensor.shape()), " ",
              rows_text(tensor, 0, 0, max_elements)});
}

}  // namespace lathe
