#include "runtime/model_target.h"

#include <filesystem>

#include "interpreter/quantization_dialects.h"
#include "runtime/mapped_file.h"
#include "runtime/pack/pack.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfigName = "config.json";
constexpr const char* kQuantizationKey = "quantization_config";
constexpr std::string_view kArchitectureKey = "general.architecture";

ConfigValue read_config(const std::string& path) {
  SourceRef source = make_source(path, read_text_file(path));
  return to_config(parse_json(source), source);
}

// A path that a spec names, relative to the spec.
std::string beside(const SpecFile& spec, const std::string& path) {
  return (fs::path(spec.file->name).parent_path() / path).string();
}

// The names under `architectures` of a config.json.
std::vector<std::string> architectures_of(const ConfigValue& config) {
  std::vector<std::string> out;
  const ConfigValue* value = find_config(config, "architectures");
  if (value == nullptr) return out;
  const auto* list = std::get_if<ConfigList>(&value->value);
  if (list == nullptr) return out;
  for (const ConfigValue& item : *list) {
    const auto* name = std::get_if<std::string>(&item.value);
    if (name != nullptr) out.push_back(*name);
  }
  return out;
}

// The section in `folder` that a dialect keeps in a file of its own, with its
// method; nothing where there is no such file.
std::optional<ConfigValue> read_own_file(const fs::path& folder,
                                         const QuantizationDialect& dialect) {
  const fs::path path = folder / dialect.own_file;
  if (dialect.own_file.empty() || !fs::exists(path)) return std::nullopt;
  ConfigValue section = read_config(path.string());
  ConfigMap* members = std::get_if<ConfigMap>(&section.value);
  if (members != nullptr && quantization_method(section).empty()) {
    members->push_back(
        {"quant_method", {std::string(dialect.method), section.span}});
  }
  return section;
}

// A config.json. Where it does not say how the weights are quantised and a
// file beside it does, that is its `quantization_config`.
ConfigValue read_model_config(const fs::path& path) {
  ConfigValue config = read_config(path.string());
  ConfigMap* members = std::get_if<ConfigMap>(&config.value);
  if (members == nullptr) {
    fail("L0514", config.span, "a config is an object of names and values");
  }
  if (find_config(config, kQuantizationKey) != nullptr) return config;
  for (const QuantizationDialect& dialect : quantization_dialects()) {
    std::optional<ConfigValue> section =
        read_own_file(path.parent_path(), dialect);
    if (!section) continue;
    members->push_back({kQuantizationKey, std::move(*section)});
    break;
  }
  return config;
}

// True if a line `architectures: [...]` of the text has the name. Saves the
// parsing of every model of the library.
bool may_be_for(std::string_view text, const std::string& architecture) {
  const size_t key = text.find("\narchitectures:");
  return key != std::string_view::npos &&
         text.find(architecture, key) != std::string_view::npos;
}

const SpecFile* spec_for(const std::string& architecture,
                         SpecLibrary& library) {
  for (const LibraryEntry& entry : library.entries()) {
    if (entry.kind != SpecKind::kModel ||
        !may_be_for(entry.text, architecture)) {
      continue;
    }
    const SpecFile* spec = library.find(SpecKind::kModel, entry.type);
    for (const Name& name : spec->architectures) {
      if (name.text == architecture) return spec;
    }
  }
  return nullptr;
}

// All architectures that the library has a spec for.
std::vector<std::string> known_architectures(SpecLibrary& library) {
  std::vector<std::string> out;
  for (const std::string& name : library.names(SpecKind::kModel)) {
    const SpecFile* spec = library.find(SpecKind::kModel, name);
    for (const Name& known : spec->architectures) out.push_back(known.text);
  }
  return out;
}

[[noreturn]] void no_spec_for(const std::string& architecture,
                              const SourceSpan& place, SpecLibrary& library) {
  // No guess at the nearest name: Mistral is not what Mixtral means.
  const std::string help =
      cat({"there are specs for ", join(known_architectures(library), ", ")});
  fail("L0520", place,
       cat({"the library has no spec for ", backquoted(architecture)}), help,
       {"write a spec that uses the checkpoint's names, and run it with "
        "--weights"});
}

ModelTarget open_folder(const std::string& folder, SpecLibrary& library) {
  const std::string path = (fs::path(folder) / kConfigName).string();
  if (is_pack(folder)) {
    fail("L0520", {}, cat({backquoted(folder), " is a pack"}),
         "packs only run: `lathe run PACK`");
  }
  if (!fs::exists(path)) {
    fail("L0520", {},
         cat({"the folder ", backquoted(folder), " has no config.json"}),
         "name a spec, or a Hugging Face folder");
  }
  ModelTarget out;
  out.config = read_model_config(path);
  const std::vector<std::string> names = architectures_of(*out.config);
  if (names.empty()) {
    fail("L0520", out.config->span,
         cat({backquoted(path), " names no `architectures`"}));
  }
  const SpecFile* spec = nullptr;
  for (size_t i = 0; i < names.size() && spec == nullptr; ++i) {
    spec = spec_for(names[i], library);
  }
  if (spec == nullptr) {
    no_spec_for(names.front(), find_config(*out.config, "architectures")->span,
                library);
  }
  // The library owns it and outlives the target.
  out.spec = {std::shared_ptr<const SpecFile>(), spec};
  if (has_checkpoint(folder)) out.weights = folder;
  return out;
}

// A GGUF file names its architecture in its metadata, and library specs list
// that name among theirs.
ModelTarget open_gguf(const std::string& path, SpecLibrary& library) {
  ModelTarget out;
  out.checkpoint = Checkpoint::open(path);
  out.weights = path;
  out.config = out.checkpoint->config();
  const ConfigValue* value = find_config(*out.config, kArchitectureKey);
  const auto* name =
      value == nullptr ? nullptr : std::get_if<std::string>(&value->value);
  if (name == nullptr) {
    fail("L0520", {},
         cat({backquoted(path), " names no `", kArchitectureKey, "`"}),
         "write a spec, and run it with --weights");
  }
  const SpecFile* spec = spec_for(*name, library);
  if (spec == nullptr) no_spec_for(*name, {}, library);
  out.spec = {std::shared_ptr<const SpecFile>(), spec};
  return out;
}

// The config that a spec names: beside the weights, or beside the spec; for
// weights in a GGUF file else what that says.
void add_config(ModelTarget& target, const std::string& weights) {
  const std::string& name = target.spec->config->text;
  const fs::path root = fs::is_directory(weights)
                            ? fs::path(weights)
                            : fs::path(weights).parent_path();
  if (!weights.empty() && fs::exists(root / name)) {
    target.config = read_model_config(root / name);
  } else if (fs::exists(beside(*target.spec, name))) {
    target.config = read_model_config(beside(*target.spec, name));
  } else if (is_gguf(weights) && fs::exists(weights)) {
    target.checkpoint = Checkpoint::open(weights);
    target.config = target.checkpoint->config();
  } else {
    target.notes.push_back(
        cat({place_of(target.spec->config->span), ": there is no ",
             backquoted(name), ", params take their defaults"}));
  }
}

ModelTarget open_spec(const std::string& path, const std::string& weights,
                      Diagnostics& diagnostics) {
  std::string text = read_text_file(path);
  SourceRef source =
      make_source(path == "-" ? "<stdin>" : path, std::move(text));
  ModelTarget out;
  auto spec = std::make_shared<SpecFile>(read_spec(source, diagnostics));
  out.spec = spec;
  if (weights.empty() && spec->checkpoint && spec->checkpoint->path) {
    out.weights = beside(*spec, spec->checkpoint->path->text);
    out.weights_span = spec->checkpoint->path->span;
  }
  if (spec->config) add_config(out, weights.empty() ? out.weights : weights);
  return out;
}

}  // namespace

ModelTarget open_target(const std::string& path, const std::string& weights,
                        SpecLibrary& library, Diagnostics& diagnostics) {
  const bool is_folder = path != "-" && fs::is_directory(path);
  ModelTarget out = is_folder       ? open_folder(path, library)
                    : is_gguf(path) ? open_gguf(path, library)
                                    : open_spec(path, weights, diagnostics);
  if (weights.empty()) return out;
  if (out.checkpoint && out.checkpoint->path() != weights) {
    out.checkpoint = nullptr;
  }
  out.weights = weights;
  out.weights_span = {};
  return out;
}

std::shared_ptr<const Checkpoint> open_weights(const ModelTarget& target,
                                               WeightsUse use) {
  if (target.checkpoint) return target.checkpoint;
  if (target.weights.empty()) return nullptr;
  if (target.weights_span.known() && !fs::exists(target.weights)) {
    if (use == WeightsUse::kIfThere) return nullptr;
    fail("L0511", target.weights_span,
         cat({"there is no ", backquoted(target.weights)}),
         "paths in a spec are relative to it; `--weights PATH` names others");
  }
  return Checkpoint::open(target.weights);
}

SourceRef load_import(const SourceFile& importer, const std::string& path) {
  const fs::path file =
      (fs::path(importer.name).parent_path() / path).lexically_normal();
  if (!fs::is_regular_file(file)) return nullptr;
  return make_source(file.string(), read_text_file(file.string()));
}

ConfigValue to_config(const JsonValue& value, const SourceRef& source) {
  ConfigValue out;
  out.span = span_of(value, source);
  switch (value.kind) {
    case JsonKind::kNull:
      break;
    case JsonKind::kBool:
      out.value = value.boolean;
      break;
    case JsonKind::kInt:
      out.value = value.integer;
      break;
    case JsonKind::kFloat:
      out.value = value.number;
      break;
    case JsonKind::kString:
      out.value = value.text;
      break;
    case JsonKind::kArray: {
      ConfigList list;
      for (const JsonValue& item : value.items) {
        list.push_back(to_config(item, source));
      }
      out.value = std::move(list);
      break;
    }
    case JsonKind::kObject: {
      ConfigMap map;
      for (const JsonMember& member : value.members) {
        map.push_back({member.name, to_config(member.value, source)});
      }
      out.value = std::move(map);
      break;
    }
  }
  return out;
}

}  // namespace lathe
