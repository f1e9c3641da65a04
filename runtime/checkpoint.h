#pragma once
// The tensors of a checkpoint under their names: one safetensors file, an
// index with its shards, or a folder that holds either.

#include <memory>
#include <string>
#include <vector>

#include "interpreter/elaborate.h"
#include "runtime/safetensors.h"

namespace lathe {

class Checkpoint {
 public:
  // Maps all files and reads their headers, no data. Throws SpecError L0511,
  // L0513, and L0519 for what is not a checkpoint.
  static std::shared_ptr<const Checkpoint> open(const std::string& path);

  // A tensor's row and the file that holds it.
  struct Entry {
    const FileTensor* tensor = nullptr;
    const SafetensorsFile* file = nullptr;
  };

  // What the user named.
  const std::string& path() const { return path_; }
  // The files, in the order of the index.
  const std::vector<SafetensorsFile>& files() const { return files_; }
  // All tensors, sorted by name.
  const std::vector<Entry>& entries() const { return entries_; }

  // The tensor called `name`, or an empty entry.
  Entry find(std::string_view name) const;

  // What elaboration matches the model's weights with.
  CheckpointHeader header() const;

 private:
  Checkpoint() = default;
  void add_folder(const std::string& folder);
  void add_index(const std::string& path);
  void collect();

  std::string path_;
  std::vector<SafetensorsFile> files_;
  std::vector<Entry> entries_;
};

// True if `folder` holds something that open() would take.
bool has_checkpoint(const std::string& folder);

}  // namespace lathe
