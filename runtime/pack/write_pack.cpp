#include <filesystem>
#include <map>

#include "runtime/atomic_file.h"
#include "runtime/kernel_cache.h"
#include "runtime/mapped_file.h"
#include "runtime/named_tensor.h"
#include "runtime/new_folder.h"
#include "runtime/pack/json_archive.h"
#include "runtime/pack/pack.h"
#include "runtime/pack/pack_files.h"
#include "runtime/safetensors.h"
#include "runtime/safetensors_writer.h"
#include "runtime/version.h"
#include "runtime/weight_uses.h"
#include "spec/text.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

class PackWriter {
 public:
  PackWriter(const std::string& folder, const PackContents& contents)
      : folder_(folder), contents_(contents) {}

  void write() {
    write_kernels();
    write_program();
    write_constants();
    if (contents_.carried) write_weights();
    put(kPackManifest, to_json(manifest()));
    folder_.commit();
  }

 private:
  void put(const std::string& name, const std::string& text) {
    AtomicFile file(folder_.file(name));
    file.write(text);
    file.commit();
  }

  void put_listed(const std::string& name, const std::string& text) {
    put(name, text);
    list(name, static_cast<int64_t>(text.size()), hash_of(text));
  }

  void list(const std::string& name, int64_t bytes, const std::string& hash) {
    JsonValue row = JsonValue::object();
    row.add("name", JsonValue::of(name));
    row.add("bytes", JsonValue::of(bytes));
    // Weights are large and their reader checks the header; no hash.
    if (!hash.empty()) row.add("hash", JsonValue::of(hash));
    files_.items.push_back(std::move(row));
  }

  void write_kernels() {
    fs::create_directory(folder_.file(kPackKernels));
    const char* ending = contents_.instructions.empty() ? ".cubin" : ".so";
    std::map<std::string, std::string> written;  // by contents
    for (const std::string& object : contents_.objects) {
      auto [place, is_new] = written.try_emplace(object);
      if (is_new) {
        place->second =
            cat({kPackKernels, "/", written.size() - 1, ending});
        put_listed(place->second, object);
      }
      objects_.push_back(place->second);
    }
  }

  void write_program() {
    JsonWriter writer(tables_);
    JsonValue out = JsonValue::object();
    out.add("program", writer.json(contents_.program));
    out.add("weights", writer.json(contents_.weights));
    out.add("objects", writer.json(objects_));
    JsonValue sources = JsonValue::array();
    for (const SourceRef& source : tables_.sources) {
      JsonValue row = JsonValue::object();
      row.add("name", JsonValue::of(source->name));
      row.add("text", JsonValue::of(source->text));
      sources.items.push_back(std::move(row));
    }
    out.add("sources", std::move(sources));
    put_listed(kPackProgram, to_json(out));
  }

  void write_constants() {
    if (tables_.constants.empty()) return;
    std::vector<NamedTensor> tensors;
    for (const auto& constant : tables_.constants) {
      tensors.push_back({std::to_string(tensors.size()), *constant});
    }
    const std::string file = folder_.file(kPackConstants);
    write_safetensors(file, tensors);
    const std::string text = read_text_file(file);
    list(kPackConstants, static_cast<int64_t>(text.size()), hash_of(text));
  }

  void write_weights() {
    std::vector<PlannedTensor> planned;
    for (const WeightRecipe& weight : contents_.weights) {
      planned.push_back({weight.name, weight.dtype, weight.shape});
    }
    const std::string file = folder_.file(kPackWeights);
    SafetensorsWriter writer(file, planned);
    for (size_t i = 0; i < planned.size(); ++i) {
      const Tensor tensor = contents_.carried->tensor(planned[i].name);
      writer.put(i, tensor);
      contents_.carried->release(tensor);
    }
    writer.commit();
    list(kPackWeights, static_cast<int64_t>(fs::file_size(file)), "");
  }

  JsonValue manifest() {
    JsonValue out = JsonValue::object();
    out.add("lathe_pack", JsonValue::of(int64_t{kPackVersion}));
    out.add("lathe", JsonValue::of(std::string(program_version())));
    out.add("model", JsonValue::of(contents_.program.name));
    out.add("target", JsonValue::of(contents_.program.target));
    JsonValue instructions = JsonValue::array();
    for (const std::string& name : contents_.instructions) {
      instructions.items.push_back(JsonValue::of(name));
    }
    out.add("instructions", std::move(instructions));
    out.add("weights", JsonValue::of(contents_.carried
                                         ? std::string(kPackWeights)
                                         : contents_.weights_path));
    out.add("files", std::move(files_));
    return out;
  }

  NewFolder folder_;
  const PackContents& contents_;
  PackTables tables_;
  std::vector<std::string> objects_;
  JsonValue files_ = JsonValue::array();
};

}  // namespace

void write_pack(const std::string& folder, const PackContents& contents) {
  PackWriter(folder, contents).write();
}

}  // namespace lathe
