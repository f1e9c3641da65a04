#pragma once
// A mapped file of named tensors, whatever its format: what its header says,
// and views of the data. Formats derive from it and read the header, which
// they check before a byte of data is touched.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "interpreter/tensor.h"
#include "runtime/mapped_file.h"
#include "spec/dtype.h"

namespace lathe {

// One row of a header. `offset` counts from the beginning of the file.
struct FileTensor {
  std::string name;
  std::string type_code;       // as stored: "BF16"
  std::optional<DType> dtype;  // nothing for a type that lathe does not have
  std::vector<int64_t> shape;
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

class TensorFile {
 public:
  virtual ~TensorFile() = default;
  TensorFile(const TensorFile&) = delete;
  TensorFile& operator=(const TensorFile&) = delete;

  const std::string& path() const { return file_->path(); }

  // Sorted by name.
  const std::vector<FileTensor>& tensors() const { return tensors_; }

  // The tensor's row, or null.
  const FileTensor* find(std::string_view name) const;

  // What the file says beside its tensors, as short texts.
  virtual std::vector<std::pair<std::string, std::string>> notes() const = 0;

  // A view of the mapping (a copy where the bytes are not aligned for their
  // type); of a block type its bytes, uint8[..., bytes of a row]. Throws
  // SpecError L0517 for a type that lathe does not have. Requires: a row of
  // tensors().
  Tensor read(const FileTensor& tensor) const;

  // Gives the pages behind a view back to the system. Does nothing for a
  // tensor whose bytes are not in this file's mapping.
  void release(const Tensor& view) const;

  // Asks the system to read the tensor soon.
  void prefetch(const FileTensor& tensor) const;

 protected:
  explicit TensorFile(std::shared_ptr<const MappedFile> file)
      : file_(std::move(file)) {}
  TensorFile(TensorFile&&) = default;

  std::shared_ptr<const MappedFile> file_;
  std::vector<FileTensor> tensors_;
};

}  // namespace lathe
