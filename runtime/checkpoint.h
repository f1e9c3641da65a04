#pragma once
// The tensors of a checkpoint under their names: one safetensors file, an
// index with its shards, a folder that holds either, or a GGUF file (or the
// first of several that it is split into).

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/elaborate.h"
#include "runtime/tensor_file.h"

namespace lathe {

class Checkpoint {
 public:
  // Maps all files and reads their headers, no data. Throws SpecError L0511,
  // L0513, L0521, and L0519 for what is not a checkpoint.
  static std::shared_ptr<const Checkpoint> open(const std::string& path);

  // A tensor's row and the file that holds it.
  struct Entry {
    const FileTensor* tensor = nullptr;
    const TensorFile* file = nullptr;
  };

  // What the user named.
  const std::string& path() const { return path_; }
  // The files, in the order of the index.
  const std::vector<std::unique_ptr<TensorFile>>& files() const {
    return files_;
  }
  // All tensors, sorted by name.
  const std::vector<Entry>& entries() const { return entries_; }

  // The tensor called `name`, or an empty entry.
  Entry find(std::string_view name) const;

  // What a GGUF file says about its model, as a config: its metadata, and
  // under `tensors` the shape of each tensor by name. Nothing in other formats.
  const std::optional<ConfigValue>& config() const { return config_; }

  // What elaboration matches the model's weights with.
  CheckpointHeader header() const;

 private:
  Checkpoint() = default;
  void add_folder(const std::string& folder);
  void add_index(const std::string& path);
  void add_gguf(const std::string& path);
  void collect();

  std::string path_;
  std::vector<std::unique_ptr<TensorFile>> files_;
  std::optional<ConfigValue> config_;
  std::vector<Entry> entries_;
};

// True if the file is in the GGUF format, by its name.
bool is_gguf(const std::string& path);

// True if `folder` holds something that open() would take.
bool has_checkpoint(const std::string& folder);

}  // namespace lathe
