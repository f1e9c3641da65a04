#pragma once
// What the verbs with a TARGET share: from the command line to a model, and to
// an engine that runs it.

#include <map>
#include <memory>
#include <string>

#include "interpreter/elaborate.h"
#include "interpreter/spec_library.h"
#include "runtime/checkpoint.h"
#include "runtime/cli/command.h"
#include "runtime/cli/console.h"
#include "runtime/model_target.h"
#include "runtime/model_weights.h"
#include "runtime/options.h"

namespace lathe {

// A target and what became of it. Parts refer to each other: does not move.
struct Session {
  SpecLibrary library;
  ModelTarget target;
  std::shared_ptr<const Checkpoint> checkpoint;  // null without weights
  Model model;

  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
};

// Opens and elaborates the command's target. Mistakes go to `diagnostics`;
// with mistakes the model is not good for use.
std::unique_ptr<Session> open_session(const Command& command, Console& console,
                                      WeightsUse use, Diagnostics& diagnostics);

// The same for verbs that need the model: throws SpecError with the mistakes,
// prints warnings and notes.
std::unique_ptr<Session> open_session(const Command& command, Console& console,
                                      WeightsUse use);

// The environment's options with those of the command line over them.
Options options_of(const Command& command);

// The data for the model's inputs: as -i says, or random where there is no -i
// at all, which is noted; dims that nothing binds are then kMadeUpSize.
inline constexpr int64_t kMadeUpSize = 4;
std::map<std::string, Tensor> model_inputs(const std::vector<InputInfo>& wanted,
                                           const Command& command,
                                           Console& console,
                                           DimBindings& dims);
std::map<std::string, Tensor> session_inputs(const Session& session,
                                             const Command& command,
                                             Console& console,
                                             DimBindings& dims);

// The weights for the engine.
std::shared_ptr<const WeightSource> weights_of(const Session& session);

}  // namespace lathe
