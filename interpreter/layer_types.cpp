// Layer types: which file a type's name means, imports included.

#include "interpreter/elaborator.h"
#include "spec/text.h"

namespace lathe {
namespace {

std::string file_name(const SpecFile& spec) {
  return spec.file == nullptr ? spec.name.text : spec.file->name;
}

void index_declarations(LayerType& type) {
  for (const ParamDecl& decl : type.spec->params) {
    type.params.emplace(decl.name.text, &decl);
  }
  for (const ValueDecl& decl : type.spec->values) {
    type.values.emplace(decl.name.text, &decl);
  }
  for (const LayerDecl& decl : type.spec->layers) {
    type.layers.emplace(decl.name.text, &decl);
  }
  for (const WeightDecl& decl : type.spec->weights) {
    type.weights.emplace(decl.name.text, &decl);
  }
}

// Two files of which each would give the type its meaning.
[[noreturn]] void refuse_second(const ImportDecl& import,
                                const std::string& name,
                                const SpecFile& first) {
  fail("L0304", import.path.span,
       cat({"`", import.path.text, "` declares the type `", name,
            "`, which is already imported"}),
       cat({"a name tells them apart: `import: {other: ", import.path.text,
            "}` makes it `other.", name, "`"}),
       {cat({"from ", file_name(first)})});
}

template <typename Map>
auto found_in(const Map& map, std::string_view name) ->
    typename Map::mapped_type {
  const auto it = map.find(name);
  return it == map.end() ? nullptr : it->second;
}

}  // namespace

const ParamDecl* LayerType::find_param(std::string_view param) const {
  return found_in(params, param);
}

const LayerDecl* LayerType::find_layer(std::string_view layer) const {
  return found_in(layers, layer);
}

const GivenField* LayerInstance::find_given(std::string_view param) const {
  for (const GivenField& field : given) {
    if (field.name == param) return &field;
  }
  return nullptr;
}

const LayerType* Elaborator::type_of(const SpecFile& spec, std::string name,
                                     bool library) {
  std::unique_ptr<LayerType>& slot = types_[&spec];
  if (slot != nullptr) return slot.get();
  slot = std::make_unique<LayerType>();
  LayerType& type = *slot;
  type.name = std::move(name);
  type.spec = &spec;
  type.library = library;
  index_declarations(type);
  importing_.push_back(&spec);
  for (const ImportDecl& import : spec.imports) {
    try {
      const LayerType* imported = import_type(type, import);
      const std::string own_name = imported->spec->name.text;
      const std::string as =
          import.prefix ? import.prefix->text + "." + own_name : own_name;
      const bool is_struct = imported->spec->kind == SpecKind::kStruct;
      const auto [known, is_new] =
          (is_struct ? structs_ : type.imports).emplace(as, imported);
      if (!is_new && !is_struct && known->second != imported) {
        refuse_second(import, as, *known->second->spec);
      }
    } catch (const SpecError& error) {
      report(error);
      type.lacks_imports = true;
    }
  }
  importing_.pop_back();
  return &type;
}

// A library file next to the one that imports it, or by its full name.
const SpecFile* Elaborator::find_in_library(const LayerType& importer,
                                            const std::string& path) {
  if (importer.library) {
    const std::string near =
        inputs_.library->folder_of(*importer.spec) + path;
    if (const SpecFile* spec = inputs_.library->find_file(near)) return spec;
  }
  return inputs_.library->find_file(path);
}

const LayerType* Elaborator::import_type(const LayerType& importer,
                                         const ImportDecl& import) {
  const SpecFile* spec = nullptr;
  bool library = importer.library;
  SourceRef file;
  if (!importer.library && inputs_.load_spec) {
    file = inputs_.load_spec(*importer.spec->file, import.path.text);
  }
  if (file != nullptr) {
    std::unique_ptr<SpecFile>& slot = imported_[file->name];
    if (slot == nullptr && file->name == file_name(*inputs_.spec)) {
      spec = inputs_.spec;
    } else if (slot == nullptr) {
      Diagnostics diagnostics;
      slot = std::make_unique<SpecFile>(read_spec(file, diagnostics));
      diagnostics_.add_all(diagnostics.sorted());
    }
    if (spec == nullptr) spec = slot.get();
  } else {
    spec = find_in_library(importer, import.path.text);
    library = true;
  }
  if (spec == nullptr) {
    fail("L0340", import.path.span,
         cat({"there is no file `", import.path.text, "` to import"}),
         "paths are relative to this file, then to the layer library");
  }
  for (size_t i = 0; i < importing_.size(); ++i) {
    if (importing_[i] != spec) continue;
    std::string ring;
    for (size_t k = i; k < importing_.size(); ++k) {
      ring += file_name(*importing_[k]) + " -> ";
    }
    fail("L0341", import.path.span, "files import each other in a ring", "",
         {ring + file_name(*spec)});
  }
  if (spec->kind == SpecKind::kModel) {
    fail("L0340", import.path.span,
         cat({"`", import.path.text, "` is a model, and only types can be "
              "imported"}),
         "a file with `layer: Name` declares a type");
  }
  return type_of(*spec, spec->name.text, library);
}

const LayerType* Elaborator::find_type(const LayerType& from,
                                       std::string_view name) {
  const auto imported = from.imports.find(name);
  if (imported != from.imports.end()) return imported->second;
  if (from.spec->kind == SpecKind::kLayer && from.spec->name.text == name) {
    return &from;
  }
  const SpecFile* spec = inputs_.library->find(SpecKind::kLayer, name);
  return spec == nullptr ? nullptr
                         : type_of(*spec, spec->name.text, true);
}

const LayerType* Elaborator::find_struct(std::string_view name) {
  const auto imported = structs_.find(name);
  if (imported != structs_.end()) return imported->second;
  const SpecFile* spec = inputs_.library->find(SpecKind::kStruct, name);
  return spec == nullptr ? nullptr
                         : type_of(*spec, spec->name.text, true);
}

std::vector<std::string> Elaborator::type_names(const LayerType& from) {
  std::vector<std::string> names = inputs_.library->names(SpecKind::kLayer);
  for (const auto& [name, type] : from.imports) names.push_back(name);
  return names;
}

}  // namespace lathe
