#pragma once
// Elaboration of models given as text, for tests. What the command line and
// files would give stands in the model itself, under keys that are the user's:
//
//   x-params: {hidden: 8}           -p hidden=8
//   x-preset: small                 --preset small
//   x-config: {hidden_size: 8}      a config.json
//   x-checkpoint: {a.weight: "float32[8, 8]"}       the header of a checkpoint

#include <string>

#include "interpreter/elaborate.h"

namespace lathe {

// The model of a spec file. Imports are read from `folder`, if it is not
// empty, then from the library. `copies`: see ElaborateInputs.
Model elaborate_file(const SourceRef& file, Diagnostics& diagnostics,
                     const std::string& folder = "", bool copies = true);

// The graph of a model as text, or the messages about its mistakes.
// `lathe: 1` and `model: m` are put before the text.
std::string graph_of(const std::string& yaml);

// What `lathe check` says about a file: its rendered messages, or nothing.
// Imports are read from tests/errors/imports.
std::string check_messages(const SourceRef& file);

// The messages about a model, or nothing.
std::string errors_of(const std::string& yaml);

}  // namespace lathe
