#include "runtime/quantize/checkpoint_output.h"

#include <filesystem>
#include <optional>

#include <fmt/core.h>

#include "runtime/gguf_writer.h"
#include "runtime/new_folder.h"
#include "spec/text.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using Metadata = std::vector<std::pair<std::string, std::string>>;

// As other programs cut checkpoints.
constexpr int64_t kShardBytes = 5'000'000'000;

// Programs look for this before they read the tensors.
const std::pair<std::string, std::string> kFormat = {"format", "pt"};

class FileOutput : public CheckpointOutput {
 public:
  FileOutput(const std::string& path, std::vector<PlannedTensor> tensors,
             const JsonValue& quantization)
      : writer_(path, std::move(tensors),
                Metadata{kFormat,
                         {"quantization_config", to_json(quantization)}}) {}

  void put(size_t i, const Tensor& tensor) override { writer_.put(i, tensor); }
  void commit(const JsonValue&) override { writer_.commit(); }

 private:
  SafetensorsWriter writer_;
};

class GgufOutput : public CheckpointOutput {
 public:
  GgufOutput(const std::string& path, std::vector<PlannedTensor> tensors,
             const ConfigMap& metadata)
      : writer_(path, std::move(tensors), metadata) {}

  void put(size_t i, const Tensor& tensor) override { writer_.put(i, tensor); }
  void commit(const JsonValue&) override { writer_.commit(); }

 private:
  GgufWriter writer_;
};

class FolderOutput : public CheckpointOutput {
 public:
  FolderOutput(const std::string& path, std::vector<PlannedTensor> tensors,
               std::string source)
      : folder_(path), source_(std::move(source)) {
    for (PlannedTensor& tensor : tensors) place(std::move(tensor));
    for (size_t i = 0; i < shards_.size(); ++i) {
      shards_[i].name =
          shards_.size() == 1
              ? std::string("model.safetensors")
              : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1,
                            shards_.size());
    }
  }

  // Shards are written one after the other, as their tensors come.
  void put(size_t i, const Tensor& tensor) override {
    Shard& shard = shards_[places_[i].shard];
    if (!shard.writer) {
      shard.writer = std::make_unique<SafetensorsWriter>(
          folder_.file(shard.name), shard.tensors, Metadata{kFormat});
    }
    shard.writer->put(places_[i].index, tensor);
    if (++shard.written < shard.tensors.size()) return;
    shard.writer->commit();
    shard.writer.reset();
  }

  void commit(const JsonValue& config) override {
    if (shards_.size() > 1) write("model.safetensors.index.json", index());
    if (!config.is(JsonKind::kNull)) write("config.json", config);
    copy_rest();
    folder_.commit();
  }

 private:
  struct Shard {
    std::string name;
    std::vector<PlannedTensor> tensors;
    int64_t bytes = 0;
    size_t written = 0;
    std::unique_ptr<SafetensorsWriter> writer;
  };
  struct Place {
    size_t shard = 0, index = 0;
  };

  void place(PlannedTensor tensor) {
    const int64_t bytes = tensor.bytes();
    if (shards_.empty() || (shards_.back().bytes > 0 &&
                            shards_.back().bytes + bytes > kShardBytes)) {
      shards_.emplace_back();
    }
    Shard& shard = shards_.back();
    places_.push_back({shards_.size() - 1, shard.tensors.size()});
    shard.bytes += bytes;
    shard.tensors.push_back(std::move(tensor));
  }

  void write(const std::string& name, const JsonValue& json) {
    AtomicFile file(folder_.file(name));
    file.write(to_json(json));
    file.commit();
  }

  JsonValue index() const {
    int64_t total = 0;
    JsonValue map = JsonValue::object();
    for (const Shard& shard : shards_) {
      total += shard.bytes;
      for (const PlannedTensor& tensor : shard.tensors) {
        map.add(tensor.name, JsonValue::of(shard.name));
      }
    }
    JsonValue metadata = JsonValue::object();
    metadata.add("total_size", JsonValue::of(total));
    JsonValue out = JsonValue::object();
    out.add("metadata", std::move(metadata));
    out.add("weight_map", std::move(map));
    return out;
  }

  // Tokenizers, generation settings, the licence: what is small and no tensor.
  void copy_rest() {
    if (source_.empty()) return;
    constexpr uintmax_t kLargest = uintmax_t{64} << 20;
    for (const fs::directory_entry& entry : fs::directory_iterator(source_)) {
      const std::string name = entry.path().filename().string();
      const bool own = name == "config.json" ||
                       name.ends_with(".safetensors.index.json");
      const std::string kind = entry.path().extension().string();
      const bool text = kind == ".json" || kind == ".txt" || kind == ".md" ||
                        kind == ".model" || kind == ".jinja" ||
                        name == "LICENSE";
      if (own || !text || !entry.is_regular_file() ||
          entry.file_size() > kLargest) {
        continue;
      }
      std::error_code error;
      fs::copy_file(entry.path(), folder_.file(name), error);
      if (error) fail_to_write(folder_.file(name), error.value());
    }
  }

  NewFolder folder_;
  std::string source_;
  std::vector<Shard> shards_;
  std::vector<Place> places_;
};

}  // namespace

std::unique_ptr<CheckpointOutput> make_file_output(
    const std::string& path, std::vector<PlannedTensor> tensors,
    const JsonValue& quantization) {
  return std::make_unique<FileOutput>(path, std::move(tensors), quantization);
}

std::unique_ptr<CheckpointOutput> make_folder_output(
    const std::string& path, std::vector<PlannedTensor> tensors,
    const std::string& source) {
  return std::make_unique<FolderOutput>(path, std::move(tensors), source);
}

std::unique_ptr<CheckpointOutput> make_gguf_output(
    const std::string& path, std::vector<PlannedTensor> tensors,
    const ConfigMap& metadata) {
  return std::make_unique<GgufOutput>(path, std::move(tensors), metadata);
}

}  // namespace lathe
