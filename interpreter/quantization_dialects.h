#pragma once
// The `quantization_config` of a config.json, in the dialect of the program
// that wrote it, as one plain description in the language's own structs. One
// row per dialect; a new dialect is a new row and a function.
//
// Which layers it means is decided layer by layer (stored_quantization.h).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/config_value.h"
#include "interpreter/module_pattern.h"

namespace lathe {

// A field of the struct that a layer's own stored tensor decides.
struct StoredFact {
  std::string_view tensor;  // "weight_scale", below the layer's path
  std::string_view field;   // "weight_scale.dtype"
  enum class What : uint8_t { kDType, kPresence } what = What::kDType;
};

// Layers that are stored in one way.
struct QuantizedGroup {
  std::vector<ModulePattern> targets;  // empty: every Linear
  std::string type;    // the struct that says how: "Float8Config"
  ConfigValue config;  // its fields under the language's names: a map
  std::string marker;  // the tensor that only quantised layers have
  std::vector<StoredFact> facts;  // later ones win
};

struct QuantizationDescription {
  std::string method;  // "compressed-tensors"
  SourceSpan span;     // of the section in config.json
  std::vector<QuantizedGroup> groups;
  std::vector<ModulePattern> ignored;
  // Left out as well, unless the file holds them quantised: what the dialect
  // leaves out without saying so.
  std::vector<ModulePattern> ignored_by_default;
};

struct QuantizationDialect {
  std::string_view method;  // what `quant_method` says
  std::string_view doc;
  // Throws SpecError L0508 for what lathe has no layers for.
  QuantizationDescription (*read)(const ConfigValue& section);
  // File that holds the section where config.json has none; empty: no such.
  // Only some of its writers name the method in it.
  std::string_view own_file = {};
};

// All dialects; the only place that knows their names.
const std::vector<QuantizationDialect>& quantization_dialects();

// The method that a section names, by `quant_method` or by who wrote it; or "".
std::string quantization_method(const ConfigValue& section);

// Reads a `quantization_config`, or the whole of a dialect's own file.
// Throws SpecError L0508 if the method is unknown, and as the dialect does.
QuantizationDescription read_quantization(const ConfigValue& section);

// Names that dialects give to tensors, and the names that weights of layers
// have: `weight_scale_inv` is `weight_scale`.
struct TensorAlias {
  std::string_view stored;
  std::string_view name;
};
const std::vector<TensorAlias>& quantized_tensor_aliases();

// Patterns of stored tensors that nothing needs: scales of a cache in float8.
const std::vector<std::string>& unneeded_quantized_tensors();

}  // namespace lathe
