#pragma once
// From a spec to a graph: params get values, layers are made, bodies are run
// once with tensors standing for data, and every weight gets its source.
//
// Pure: config, checkpoint header and imported files come in as values. All
// mistakes are collected; what depends on a mistaken value keeps silent.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "interpreter/config_value.h"
#include "interpreter/graph.h"
#include "interpreter/spec_library.h"
#include "spec/ast.h"
#include "spec/diagnostic.h"

namespace lathe {

// A tensor that a checkpoint holds.
struct StoredTensor {
  std::string name;
  DType dtype = DType::kFloat32;
  std::vector<int64_t> shape;
  // The file's name of a type that lathe does not have ("C64"), in place of
  // `dtype`: such a tensor may be ignored or unused, but fills no weight.
  std::string foreign = {};
};

// What a checkpoint says about itself, without its data.
struct CheckpointHeader {
  std::string name;  // of the file or folder, for messages
  std::vector<StoredTensor> tensors;
};

struct ElaborateInputs {
  const SpecFile* spec = nullptr;
  SpecLibrary* library = nullptr;
  SpecLoader load_spec;  // may be empty: imports then see the library only
  std::optional<ConfigValue> config;
  std::optional<CheckpointHeader> checkpoint;
  // `-p name=text`, in the order given.
  std::vector<std::pair<std::string, std::string>> overrides;
  std::string preset;  // empty: none
  // Equal layers are elaborated once and copied (copy_layer.h). False: each by
  // itself, which gives the same model, slowly.
  bool copies = true;
};

// A param of the model with its value and where that came from.
struct ResolvedParam {
  std::string name;
  std::string type;
  std::string value;   // as an expression
  std::string origin;  // "default", "config.json", "preset small", "-p"
  std::string doc;
  YamlRef node;  // the value as a file has it; null if it holds layers
};

// A layer of the model; one row of `check --summary`. Rows are in preorder,
// the model itself first, with an empty path.
struct LayerRow {
  std::string path;
  std::string type;
  int depth = 0;
  std::vector<TensorType> outputs;  // of the last call; empty if not called
  int64_t params = 0;               // elements of weights, sub-layers included
  int64_t bytes = 0;
  SourceSpan span;
};

// What fills a weight when no stored tensor does.
struct Initializer {
  enum class Kind : uint8_t { kNone, kConstant, kNormal, kUniform };
  Kind kind = Kind::kNone;
  double first = 0;   // the constant, the mean, the lowest value
  double second = 0;  // unused, the standard deviation, the highest value
  int64_t seed = 0;
};

// Where the data of a kWeight node comes from.
struct WeightFill {
  ValueId value = -1;
  std::string path;    // of the declared weight; also varies the seed
  std::string stored;  // the tensor's name in the checkpoint; empty: `init`
  Initializer init;    // kNone: nothing fills it, so the model cannot run
  DType dtype = DType::kFloat32;  // as stored; blocks are bytes in the graph
};

// How a checkpoint serves one of the model's weights.
enum class MatchKind : uint8_t {
  kFilled,
  kTied,     // shares the data of another weight
  kMissing,  // no tensor for it
  kDiffers,  // of another shape or kind of dtype, or its rule cannot be used
  kForeign,  // stored in a type that lathe does not have
};
struct WeightMatch {
  std::string path;
  TensorType type;                  // as declared
  std::vector<std::string> stored;  // the tensors that it is made of
  MatchKind kind = MatchKind::kFilled;
};

// A part of the language that is checked but cannot run yet.
struct UnsupportedFeature {
  std::string feature;  // "state", "kernel"
  Diagnostic diagnostic;
};

struct Model {
  SourceSpan span;  // the model's name in its file
  Graph graph;
  std::vector<ResolvedParam> params;
  std::vector<LayerRow> layers;
  std::vector<WeightFill> weights;  // one per kWeight node, in graph order
  // Layers took their config from the checkpoint's quantization_config, so
  // that its names of tensors hold.
  bool reads_quantization = false;
  std::vector<std::string> notices;   // "bfloat16 weights are narrowed to ..."
  std::vector<UnsupportedFeature> unsupported;
  // With a checkpoint, even one that does not fit: all declared weights, and
  // the tensors that the spec ignores on purpose.
  std::vector<WeightMatch> matches;
  std::vector<std::string> ignored;
};

// Elaborates a model, or a layer file with its params given as overrides
// (open dtypes are then its `dtype`, leading dims one symbol). The model is
// only good for use if `diagnostics` got no error.
Model elaborate(const ElaborateInputs& inputs, Diagnostics& diagnostics);

// Throws SpecError if the model cannot run: features without support (L0220)
// and weights that nothing fills (L0505, folded).
void require_runnable(const Model& model);

}  // namespace lathe
