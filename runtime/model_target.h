#pragma once
// What TARGET names on the command line: a spec file, or a Hugging Face folder
// (config.json beside safetensors) or a GGUF file for which the library has a
// spec. Reads the files that elaboration, which opens none, wants as values.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "interpreter/config_value.h"
#include "interpreter/elaborate.h"
#include "interpreter/spec_library.h"
#include "runtime/checkpoint.h"
#include "runtime/json.h"
#include "spec/ast.h"
#include "spec/diagnostic.h"

namespace lathe {

struct ModelTarget {
  std::shared_ptr<const SpecFile> spec;
  // With the `quantization_config` that some folders keep in a file of its own.
  std::optional<ConfigValue> config;
  std::string weights;             // path of a checkpoint; empty: none named
  // The checkpoint at `weights`, where the target had to be read from it.
  std::shared_ptr<const Checkpoint> checkpoint;
  SourceSpan weights_span;         // where the spec names it, if the spec does
  std::vector<std::string> notes;  // such as a config.json that is not there
};

// Opens `path` ("-" is a spec on standard input). `weights` overrides what the
// target says about weights. Mistakes in the spec go to `diagnostics`; throws
// SpecError if a file cannot be read or the folder's architecture has no spec.
ModelTarget open_target(const std::string& path, const std::string& weights,
                        SpecLibrary& library, Diagnostics& diagnostics);

// Whether weights that the spec names but that are not there are an error.
enum class WeightsUse { kIfThere, kNeeded };

// The checkpoint of the target, or null if it names none.
std::shared_ptr<const Checkpoint> open_weights(const ModelTarget& target,
                                               WeightsUse use);

// The file that an import names: relative to the importing file. For
// ElaborateInputs::load_spec.
SourceRef load_import(const SourceFile& importer, const std::string& path);

// The tree as elaboration takes it; values keep their places in `source`.
ConfigValue to_config(const JsonValue& value, const SourceRef& source);

}  // namespace lathe
