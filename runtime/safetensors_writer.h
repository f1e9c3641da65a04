#pragma once
// Writes a safetensors file whose tensors are known before their contents: the
// header first, then each tensor at its place, in any order. So a checkpoint
// can be made one tensor at a time.

#include <string>
#include <utility>
#include <vector>

#include "runtime/planned_file.h"

namespace lathe {

class SafetensorsWriter {
 public:
  // Writes the header. The file appears at `path` with commit(), whole or not
  // at all; each tensor begins at a multiple of its element size. Throws
  // SpecError L0512, as do all others here.
  SafetensorsWriter(
      const std::string& path, std::vector<PlannedTensor> tensors,
      const std::vector<std::pair<std::string, std::string>>& metadata = {});

  // The contents of tensors[i]. Requires: its dtype and shape, and once each.
  void put(size_t i, const Tensor& tensor);

  // Requires: every tensor was put.
  void commit() { file_.commit(); }

 private:
  PlannedFile file_;
};

}  // namespace lathe
