#pragma once
// Writes a GGUF file (version 3) whose tensors are known before their contents:
// metadata and rows first, then each tensor at its place, in any order.

#include <cstdint>
#include <string>
#include <vector>

#include "interpreter/config_value.h"
#include "runtime/planned_file.h"

namespace lathe {

class GgufWriter {
 public:
  // Writes all but the tensors' bytes. Metadata are texts, bools, floats (as
  // float32), integers (as uint32 where they fit) and lists of one of them,
  // under the keys of the file ("llama.block_count"). The file appears at
  // `path` with commit(), whole or not at all. Throws SpecError L0512, as do
  // all others here. Requires: dtypes that the format has; rows of whole
  // blocks.
  GgufWriter(const std::string& path, std::vector<PlannedTensor> tensors,
             const ConfigMap& metadata);

  // The contents of tensors[i]; of a block type its bytes, as any tensor of as
  // many bytes. Requires: once each.
  void put(size_t i, const Tensor& tensor) { file_.put(i, tensor); }

  // Requires: every tensor was put.
  void commit() { file_.commit(); }

 private:
  PlannedFile file_;
};

}  // namespace lathe
