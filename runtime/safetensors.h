#pragma once
// The safetensors format: eight bytes of header length, a JSON header with
// dtype, shape and byte range of every tensor, then the bytes, little endian.
//
// Everything the header claims is checked before a byte of data is touched:
// lengths, ranges, overlaps, holes, sizes, names. Tensors of types that lathe
// has no storage for are listed, and refused when they are read.

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/named_tensor.h"
#include "runtime/tensor_file.h"

namespace lathe {

// What a header says; tensors in the order of their names.
struct SafetensorsHeader {
  std::vector<FileTensor> tensors;
  std::vector<std::pair<std::string, std::string>> metadata;
};

// Reads the header of a file that is `bytes` long altogether. Throws SpecError
// L0513 with `path` and the tensor's name.
SafetensorsHeader parse_safetensors(std::span<const std::byte> bytes,
                                    const std::string& path);

class SafetensorsFile : public TensorFile {
 public:
  // Maps the file and reads its header. Throws SpecError L0511 and L0513.
  explicit SafetensorsFile(const std::string& path);

  std::vector<std::pair<std::string, std::string>> notes() const override {
    return metadata_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> metadata_;
};

// Writes all tensors to one file, whole or not at all. Each begins at a
// multiple of its element size. Throws SpecError L0512.
void write_safetensors(const std::string& path,
                       const std::vector<NamedTensor>& tensors);

}  // namespace lathe
