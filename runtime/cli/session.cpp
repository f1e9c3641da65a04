#include "runtime/cli/session.h"

#include "runtime/reference_executable.h"

namespace lathe {

std::unique_ptr<Session> open_session(const Command& command, Console& console,
                                      WeightsUse use,
                                      Diagnostics& diagnostics) {
  auto session = std::make_unique<Session>();
  session->target = open_target(command.positionals[0], command.weights,
                                session->library, diagnostics);
  for (const std::string& note : session->target.notes) console.note(note);
  session->checkpoint = open_weights(session->target, use);
  ElaborateInputs inputs;
  inputs.spec = session->target.spec.get();
  inputs.library = &session->library;
  inputs.load_spec = load_import;
  inputs.config = session->target.config;
  if (session->checkpoint) inputs.checkpoint = session->checkpoint->header();
  inputs.overrides = command.params;
  inputs.preset = command.preset;
  session->model = elaborate(inputs, diagnostics);
  return session;
}

std::unique_ptr<Session> open_session(const Command& command, Console& console,
                                      WeightsUse use) {
  Diagnostics diagnostics;
  auto session = open_session(command, console, use, diagnostics);
  diagnostics.throw_if_errors();
  for (const Diagnostic& warning : diagnostics.sorted()) {
    console.warning(warning.message);
  }
  for (const std::string& notice : session->model.notices) {
    console.note(notice);
  }
  return session;
}

Options options_of(const Command& command) {
  Options options = options_from_environment();
  options.device = command.device;
  options.threads = command.threads;
  if (!command.cache_dir.empty()) options.cache_dir = command.cache_dir;
  options.generic_only = command.generic;
  options.profile = command.profile;
  return options;
}

std::map<std::string, Tensor> session_inputs(const Session& session,
                                             const Command& command,
                                             Console& console,
                                             DimBindings& dims) {
  return model_inputs(inputs_of(session.model.graph), command, console, dims);
}

std::map<std::string, Tensor> model_inputs(const std::vector<InputInfo>& wanted,
                                           const Command& command,
                                           Console& console,
                                           DimBindings& dims) {
  if (!command.inputs.empty()) {
    return read_inputs(wanted, {command.inputs, {}, ""}, dims);
  }
  std::vector<Argument> arguments;
  DimBindings made_up;
  std::vector<std::string> said;
  for (const InputInfo& input : wanted) {
    if (input.default_value) continue;
    arguments.emplace_back(input.name, "random:0");
    said.push_back(input.name);
    for (const Dim& dim : input.type.shape) {
      for (const std::string& symbol : dim.symbols()) {
        made_up.emplace(symbol, kMadeUpSize);
      }
    }
  }
  std::string sizes;
  for (const auto& [symbol, size] : made_up) {
    if (dims.emplace(symbol, size).second) {
      sizes += cat({sizes.empty() ? " with " : ", ", symbol, " = ", size});
    }
  }
  if (!said.empty()) {
    console.note(cat({"no -i: ", join(said, ", "),
                      said.size() == 1 ? " is" : " are", " random:0", sizes}));
  }
  return read_inputs(wanted, {arguments, {}, ""}, dims);
}

std::shared_ptr<const WeightSource> weights_of(const Session& session) {
  return std::make_shared<ModelWeights>(weight_recipes(session.model),
                                        session.checkpoint);
}

}  // namespace lathe
