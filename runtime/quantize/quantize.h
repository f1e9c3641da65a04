#pragma once
// Writes a checkpoint in a lower precision, a tensor at a time: what is in
// memory is one tensor as stored and what takes its place. What is written
// appears whole or not at all.

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/report.h"

namespace lathe {

struct QuantizeRequest {
  std::string source;  // a checkpoint: a file, an index or a folder
  std::string output;  // a .safetensors or .gguf file, or a folder
  std::string format;  // as make_weight_format() takes it
  // Patterns of tensors. Without `only` the weights of linear layers are
  // quantised; `except` takes tensors out.
  std::vector<std::string> only, except;
  bool force = false;  // replaces what is there
};

struct QuantizeResult {
  int64_t quantized = 0, copied = 0;  // tensors of the source
  int64_t bytes_before = 0, bytes_after = 0;
};

// Throws FormatError for `format`, SpecError L0530 for what cannot be done, and
// as readers and writers do. What the reporter throws stops it as any error does: nothing is left.
QuantizeResult quantize_checkpoint(const QuantizeRequest& request,
                                   const Reporter& reporter);

}  // namespace lathe
