#include "runtime/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "runtime/gguf.h"
#include "runtime/json.h"
#include "runtime/mapped_file.h"
#include "runtime/safetensors.h"
#include "spec/diagnostic.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIndexName = "model.safetensors.index.json";
constexpr std::string_view kFileName = "model.safetensors";

[[noreturn]] void not_a_checkpoint(const std::string& path,
                                   const std::string& why,
                                   const std::string& help = "") {
  fail("L0519", {}, cat({backquoted(path), " is not a checkpoint: ", why}),
       help);
}

std::vector<std::string> safetensors_files(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".safetensors") {
      out.push_back(entry.path().filename().string());
    }
  }
  if (error) fail_to_read(folder, error.value());
  std::sort(out.begin(), out.end());
  return out;
}

// `weight_map` of an index: the file of each tensor. File names are those of
// siblings: an index has no business elsewhere.
std::map<std::string, std::string> read_index(const std::string& path) {
  SourceRef source = make_source(path, read_text_file(path));
  JsonValue tree = parse_json(source);
  const JsonValue* weights =
      tree.is(JsonKind::kObject) ? tree.find("weight_map") : nullptr;
  if (weights == nullptr) {
    not_a_checkpoint(path, "it has no object `weight_map`");
  }
  if (!weights->is(JsonKind::kObject)) {
    fail("L0519", span_of(*weights, source),
         cat({"`weight_map` is an object that gives each tensor's file, and "
              "this is ",
              kind_name(weights->kind)}));
  }
  std::map<std::string, std::string> out;
  for (const JsonMember& member : weights->members) {
    const std::string& file = member.value.text;
    if (file.empty() || file.find('/') != std::string::npos || file == "..") {
      fail("L0519", span_of(member.value, source),
           cat({"the file of ", backquoted(member.name),
                " is not the name of a file beside the index"}));
    }
    out[member.name] = file;
  }
  return out;
}

// A checkpoint in another format gets a message that says so.
void refuse_other_formats(const std::string& path) {
  for (std::string_view end : {".bin", ".pt", ".pth", ".ckpt"}) {
    if (!path.ends_with(end)) continue;
    not_a_checkpoint(path, "a pickled file can run code when it is read",
                     "store it again with `safetensors.torch.save_file`");
  }
}

// The metadata of a file about the files that its model is split into.
int64_t split_entry(const GgufFile& file, std::string_view name,
                    int64_t otherwise) {
  for (const ConfigMember& entry : file.metadata()) {
    if (entry.name != name) continue;
    const auto* value = std::get_if<int64_t>(&entry.value.value);
    if (value == nullptr) {
      not_a_checkpoint(file.path(), cat({"`", name, "` is no integer"}));
    }
    return *value;
  }
  return otherwise;
}

// "-00002-of-00003.gguf": how file `number` (from 0) of `count` is called.
std::string split_end(int64_t number, int64_t count) {
  const auto digits = [](int64_t value) {
    const std::string text = std::to_string(value);
    return std::string(text.size() < 5 ? 5 - text.size() : 0, '0') + text;
  };
  return cat({"-", digits(number + 1), "-of-", digits(count), ".gguf"});
}

// The shape of each tensor by its name, for `from: [tensors.NAME.0]`.
ConfigValue shapes_of(const std::vector<Checkpoint::Entry>& entries) {
  ConfigMap shapes;
  for (const Checkpoint::Entry& entry : entries) {
    ConfigList sizes;
    for (int64_t size : entry.tensor->shape) {
      sizes.emplace_back().value = size;
    }
    ConfigValue shape;
    shape.value = std::move(sizes);
    shapes.push_back({entry.tensor->name, std::move(shape)});
  }
  ConfigValue out;
  out.value = std::move(shapes);
  return out;
}

}  // namespace

std::shared_ptr<const Checkpoint> Checkpoint::open(const std::string& path) {
  std::shared_ptr<Checkpoint> out(new Checkpoint);
  out->path_ = path;
  refuse_other_formats(path);
  if (fs::is_directory(path)) {
    out->add_folder(path);
  } else if (path.ends_with(".json")) {
    out->add_index(path);
  } else if (is_gguf(path)) {
    out->add_gguf(path);
  } else {
    out->files_.push_back(std::make_unique<SafetensorsFile>(path));
  }
  out->collect();
  if (out->config_) {
    auto& members = std::get<ConfigMap>(out->config_->value);
    members.push_back({"tensors", shapes_of(out->entries_)});
  }
  return out;
}

void Checkpoint::add_folder(const std::string& folder) {
  const fs::path root(folder);
  if (fs::exists(root / kIndexName)) {
    add_index((root / kIndexName).string());
    return;
  }
  std::vector<std::string> names = safetensors_files(folder);
  if (std::count(names.begin(), names.end(), kFileName) > 0) {
    names = {std::string(kFileName)};
  }
  if (names.empty()) {
    not_a_checkpoint(folder, "there is no .safetensors file in it");
  }
  if (names.size() > 1) {
    not_a_checkpoint(
        folder,
        cat({"it holds ", names.size(), " .safetensors files and no index"}),
        cat({"name one: `--weights ", (root / names.front()).string(), "`"}));
  }
  files_.push_back(
      std::make_unique<SafetensorsFile>((root / names.front()).string()));
}

void Checkpoint::add_index(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  std::map<std::string, std::string> index = read_index(path);
  std::set<std::string> names;
  for (const auto& [tensor, file] : index) names.insert(file);
  std::map<std::string, size_t> number;
  for (const std::string& name : names) {
    number[name] = files_.size();
    try {
      files_.push_back(
          std::make_unique<SafetensorsFile>((folder / name).string()));
    } catch (SpecError& error) {
      error.add_note(cat({"the index ", backquoted(path), " names it"}));
      throw;
    }
  }
  for (const auto& [tensor, file] : index) {
    if (files_[number[file]]->find(tensor) != nullptr) continue;
    not_a_checkpoint(path, cat({"it promises ", backquoted(tensor), " in ",
                                backquoted(file), ", which does not hold it"}));
  }
}

// A model may be split into files, of which the user names the first.
void Checkpoint::add_gguf(const std::string& path) {
  auto first = std::make_unique<GgufFile>(path);
  const int64_t count = split_entry(*first, "split.count", 1);
  const std::string end = split_end(0, count);
  if (count > 1 && !path.ends_with(end)) {
    not_a_checkpoint(
        path, cat({"it is a part of a model split into ", count, " files"}),
        cat({"name the first, which ends in `", end, "`"}));
  }
  config_ = config_of(first->metadata());
  files_.push_back(std::move(first));
  const std::string begin = path.substr(0, path.size() - end.size());
  for (int64_t number = 1; number < count; ++number) {
    auto part = std::make_unique<GgufFile>(begin + split_end(number, count));
    if (split_entry(*part, "split.no", -1) != number ||
        split_entry(*part, "split.count", -1) != count) {
      not_a_checkpoint(part->path(), cat({"it does not say that it is file ",
                                          number + 1, " of ", count}));
    }
    files_.push_back(std::move(part));
  }
}

void Checkpoint::collect() {
  for (const auto& file : files_) {
    for (const FileTensor& tensor : file->tensors()) {
      entries_.push_back({&tensor, file.get()});
    }
  }
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) {
              return a.tensor->name < b.tensor->name;
            });
  auto twice = std::adjacent_find(entries_.begin(), entries_.end(),
                                  [](const Entry& a, const Entry& b) {
                                    return a.tensor->name == b.tensor->name;
                                  });
  if (twice == entries_.end()) return;
  not_a_checkpoint(path_, cat({"both ", backquoted(twice->file->path()),
                               " and ", backquoted((twice + 1)->file->path()),
                               " hold ", backquoted(twice->tensor->name)}));
}

Checkpoint::Entry Checkpoint::find(std::string_view name) const {
  auto it = std::lower_bound(entries_.begin(), entries_.end(), name,
                             [](const Entry& entry, std::string_view wanted) {
                               return entry.tensor->name < wanted;
                             });
  if (it == entries_.end() || it->tensor->name != name) return {};
  return *it;
}

CheckpointHeader Checkpoint::header() const {
  CheckpointHeader out;
  out.name = path_;
  for (const Entry& entry : entries_) {
    const FileTensor& tensor = *entry.tensor;
    StoredTensor stored{tensor.name, DType::kUInt8, tensor.shape};
    if (tensor.dtype) {
      stored.dtype = *tensor.dtype;
    } else {
      stored.foreign = tensor.type_code;
    }
    out.tensors.push_back(std::move(stored));
  }
  return out;
}

bool is_gguf(const std::string& path) { return path.ends_with(".gguf"); }

bool has_checkpoint(const std::string& folder) {
  return fs::exists(fs::path(folder) / kIndexName) ||
         !safetensors_files(folder).empty();
}

}  // namespace lathe
