#include "runtime/tensor_file.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "spec/diagnostic.h"

namespace lathe {

const FileTensor* TensorFile::find(std::string_view name) const {
  auto it = std::lower_bound(tensors_.begin(), tensors_.end(), name,
                             [](const FileTensor& tensor,
                                std::string_view wanted) {
                               return tensor.name < wanted;
                             });
  if (it == tensors_.end() || it->name != name) return nullptr;
  return &*it;
}

Tensor TensorFile::read(const FileTensor& tensor) const {
  if (!tensor.dtype) {
    fail("L0517", {},
         cat({backquoted(path()), ": tensor ", backquoted(tensor.name),
              " is stored as ", tensor.type_code,
              ", which this version cannot compute with"}));
  }
  DType dtype = *tensor.dtype;
  std::vector<int64_t> shape = tensor.shape;
  if (is_block(dtype)) {
    shape.back() = bytes_of(dtype, shape.back());
    dtype = DType::kUInt8;
  }
  const std::byte* data = file_->bytes().data() + tensor.offset;
  const auto align = static_cast<size_t>(size_of(dtype));
  if (reinterpret_cast<uintptr_t>(data) % align == 0) {
    // The view is never written to: Tensor has one kind of pointer only.
    return Tensor(dtype, std::move(shape), const_cast<std::byte*>(data),
                  file_);
  }
  Tensor out(dtype, std::move(shape));
  std::memcpy(out.mutable_data(), data, tensor.bytes);
  return out;
}

void TensorFile::release(const Tensor& view) const {
  const std::span<const std::byte> all = file_->bytes();
  const std::less<const std::byte*> before;
  if (before(view.data(), all.data()) ||
      !before(view.data(), all.data() + all.size())) {
    return;
  }
  file_->release(static_cast<size_t>(view.data() - all.data()),
                 static_cast<size_t>(view.bytes()));
}

void TensorFile::prefetch(const FileTensor& tensor) const {
  file_->prefetch(tensor.offset, tensor.bytes);
}

}  // namespace lathe
