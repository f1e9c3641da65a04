#pragma once
// The layers of a model while it is elaborated: types (a file each), recipes
// (a type with fields, passed in a param) and instances (a layer with a path,
// whose weights exist once).
//
// An instance is declared first and built later: building needs all params,
// and one that is left out may follow from the first call's input.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "interpreter/datum.h"
#include "interpreter/graph.h"
#include "spec/ast.h"

namespace lathe {

// A layer (or model, or struct) file whose names for other types are known.
struct LayerType {
  std::string name;
  const SpecFile* spec = nullptr;
  bool library = false;  // embedded: errors move to the user's own file
  std::map<std::string, const LayerType*, std::less<>> imports;
  bool lacks_imports = false;  // some could not be read
  // Types of params without a written one, from their defaults.
  std::map<std::string, ParamTypeAst, std::less<>> inferred_types;
  // What the file declares, by name.
  std::unordered_map<std::string_view, const ParamDecl*> params;
  std::unordered_map<std::string_view, const ValueDecl*> values;
  std::unordered_map<std::string_view, const LayerDecl*> layers;
  std::unordered_map<std::string_view, const WeightDecl*> weights;

  const ParamDecl* find_param(std::string_view param) const;
  const LayerDecl* find_layer(std::string_view layer) const;
};

// A param's value as somebody wrote it.
struct GivenField {
  std::string name;
  Datum value;
  SourceSpan name_span;
  SourceSpan span;
  std::string origin;  // for the model's own params: "-p", "preset small"
  YamlRef pending;     // of these: not read yet; `value` is unknown until then
};

// `-p scale.dtype=float16`: one field of a struct that a param of the model
// holds.
struct FieldOverride {
  std::vector<std::string> path;  // behind the param's name: "dtype"
  YamlRef value;
};

struct LayerRecipe {
  const LayerType* type = nullptr;
  std::vector<GivenField> fields;
  SourceSpan span;
  // The layer in whose file it is written; null: not by a layer.
  LayerInstance* written_in = nullptr;
};

enum class Progress : uint8_t { kNotYet, kNow, kDone };

// A name whose value is found when first asked for.
struct LazyDatum {
  Progress progress = Progress::kNotYet;
  Datum value;
};

struct WeightSlot {
  bool absent = false;  // its `when` is false
  ValueId value = -1;   // -1: absent, or its declaration is wrong
  TensorType type;      // as declared
  SourceSpan span;
};

// How much of a model there is: the lengths of its lists.
struct ModelExtent {
  size_t nodes = 0;
  size_t values = 0;
  size_t weights = 0;
};

struct CallRecording;  // copy_layer.h

struct LayerInstance {
  const LayerType* type = nullptr;
  std::string path;  // "model.layers.3.mlp"; empty for the model
  std::string name;  // as declared: "mlp"
  LayerInstance* parent = nullptr;
  // The layer in whose file it is written; not the parent if it was passed in
  // a param.
  LayerInstance* written_in = nullptr;
  SourceSpan span;  // the declaration, in the file that declares it
  std::vector<GivenField> given;
  // Its number in the list of layers that it is an item of.
  std::optional<int64_t> item;
  // Of a list that repeats one declaration: its size; 0 otherwise.
  int64_t repeats = 0;

  Progress built = Progress::kNotYet;
  bool failed = false;  // stays silent from here on
  bool called = false;

  std::map<std::string, LazyDatum, std::less<>> params;
  std::map<std::string, LazyDatum, std::less<>> values;
  std::map<std::string, LazyDatum, std::less<>> layers;
  std::map<std::string, LazyDatum, std::less<>> param_layers;
  std::map<std::string, WeightSlot, std::less<>> weights;

  std::vector<LayerInstance*> children;  // in order of declaration
  std::vector<TensorType> outputs;       // of the last call

  // Of layers that can be copied (copy_layer.h):
  LayerInstance* twin = nullptr;  // the first one built alike, maybe itself
  bool replica = false;           // its sub-layers are not made yet
  bool reads_index = false;       // depends on its number in a list
  ModelExtent begin, end;         // what building it added to the model
  size_t depth = 0;               // of the layers in it
  // Of a twin: calls of it and of layers built alike. Of a replica: the last
  // of its calls, which was a copy.
  std::vector<std::shared_ptr<const CallRecording>> calls;
  std::shared_ptr<const CallRecording> replayed;

  const GivenField* find_given(std::string_view param) const;
};

// `fc`, in backquotes, as the caller knows it.
std::string shown_name(const LayerInstance& layer);

// "model.layers" and "0" make "model.layers.0"; either may be empty.
std::string joined_path(std::string_view parent, std::string_view name);

}  // namespace lathe
