#pragma once
// The GGUF format, versions 2 and 3: metadata, then a row for every tensor,
// then their bytes, little endian. Tensors are plain numbers or blocks of a
// quantised type; sizes stand in the file fastest first and are turned here.
//
// Everything the header claims is checked before a byte of data is touched:
// counts, lengths, types, sizes, offsets, alignment, overlaps, names. Types
// that lathe cannot decode are listed, and refused when they are read.

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "interpreter/config_value.h"
#include "runtime/tensor_file.h"

namespace lathe {

struct GgufHeader {
  std::vector<FileTensor> tensors;  // sorted by name
  ConfigMap metadata;               // as in the file: "llama.block_count"
};

// Reads the header of a file that is `bytes` long altogether. Throws SpecError
// L0521 with `path` and the tensor's or the key's name.
GgufHeader parse_gguf(std::span<const std::byte> bytes,
                      const std::string& path);

class GgufFile : public TensorFile {
 public:
  // Maps the file and reads its header. Throws SpecError L0511 and L0521.
  explicit GgufFile(const std::string& path);

  const ConfigMap& metadata() const { return metadata_; }

  // The metadata with long lists shortened.
  std::vector<std::pair<std::string, std::string>> notes() const override;

 private:
  ConfigMap metadata_;
};

// The number that the format gives a dtype, if it has it.
std::optional<uint32_t> gguf_type_number(DType dtype);

// The metadata as a config: a key with dots is a way through maps, so that
// `llama.rope.scaling` is all that a file says about it.
ConfigValue config_of(const ConfigMap& metadata);

}  // namespace lathe
