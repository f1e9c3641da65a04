#pragma once
// Where a checkpoint that is made tensor by tensor goes: one safetensors or
// GGUF file, or a folder with shards, their index, a config.json and what else
// a model's folder holds. Made under a temporary name and renamed when all is
// there.

#include <memory>
#include <string>
#include <vector>

#include "interpreter/config_value.h"
#include "runtime/json.h"
#include "runtime/safetensors_writer.h"

namespace lathe {

class CheckpointOutput {
 public:
  virtual ~CheckpointOutput() = default;

  // The contents of the planned tensor i.
  virtual void put(size_t i, const Tensor& tensor) = 0;

  // Makes it appear. `config` is the whole config.json, null if there is none.
  virtual void commit(const JsonValue& config) = 0;
};

// A single file; the quantization_config stands in its metadata.
std::unique_ptr<CheckpointOutput> make_file_output(
    const std::string& path, std::vector<PlannedTensor> tensors,
    const JsonValue& quantization);

// A folder. Files of `source`, a folder or empty, that hold neither tensors
// nor the config are copied. A folder that is there is replaced.
std::unique_ptr<CheckpointOutput> make_folder_output(
    const std::string& path, std::vector<PlannedTensor> tensors,
    const std::string& source);

// A GGUF file with this metadata.
std::unique_ptr<CheckpointOutput> make_gguf_output(
    const std::string& path, std::vector<PlannedTensor> tensors,
    const ConfigMap& metadata);

}  // namespace lathe
