#pragma once
// The safetensors format: eight bytes of header length, a JSON header with
// dtype, shape and byte range of every tensor, then the bytes, little endian.
//
// Everything the header claims is checked before a byte of data is touched:
// lengths, ranges, overlaps, holes, sizes, names. Tensors of types that lathe
// has no storage for are listed, and refused when they are read.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/mapped_file.h"
#include "runtime/named_tensor.h"
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

// What a header says; tensors in the order of their names.
struct SafetensorsHeader {
  std::vector<FileTensor> tensors;
  std::vector<std::pair<std::string, std::string>> metadata;
};

// Reads the header of a file that is `bytes` long altogether. Throws SpecError
// L0513 with `path` and the tensor's name.
SafetensorsHeader parse_safetensors(std::span<const std::byte> bytes,
                                    const std::string& path);

class SafetensorsFile {
 public:
  // Maps the file and reads its header. Throws SpecError L0511 and L0513.
  explicit SafetensorsFile(const std::string& path);

  const std::string& path() const { return file_->path(); }
  const SafetensorsHeader& header() const { return header_; }

  // The tensor's row, or null.
  const FileTensor* find(std::string_view name) const;

  // A view of the mapping (a copy where the bytes are not aligned for their
  // type). Throws SpecError L0517 for a type that lathe does not have.
  // Requires: a row of header().
  Tensor read(const FileTensor& tensor) const;

  // Gives the pages behind a view back to the system. Does nothing for a
  // tensor whose bytes are not in this file's mapping.
  void release(const Tensor& view) const;

  // Asks the system to read the tensor soon.
  void prefetch(const FileTensor& tensor) const;

 private:
  std::shared_ptr<const MappedFile> file_;
  SafetensorsHeader header_;
};

// Writes all tensors to one file, whole or not at all. Each begins at a
// multiple of its element size. Throws SpecError L0512.
void write_safetensors(const std::string& path,
                       const std::vector<NamedTensor>& tensors);

}  // namespace lathe
