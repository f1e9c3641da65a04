#include "runtime/cli/run_pack.h"

#include "runtime/cli/session.h"
#include "runtime/compiled_executable.h"
#include "runtime/engine.h"
#include "runtime/pack/pack.h"
#include "spec/text.h"

namespace lathe {
namespace {

// What was decided when the pack was made cannot be asked for now.
void refuse_options(const Command& command) {
  const auto refuse = [](const char* option) {
    throw UsageError(cat({"`", option, "` comes too late for a pack"}),
                     "give it to `lathe compile`");
  };
  if (!command.params.empty()) refuse("-p");
  if (!command.preset.empty()) refuse("--preset");
  if (command.generic) refuse("--generic");
  if (command.device == "reference") {
    throw UsageError("a pack holds no graph for `--device reference`",
                     "run the spec that it was made from");
  }
}

Options pack_options(const Pack& pack, const Command& command) {
  Options options = options_of(command);
  const bool is_gpu = pack.program.target.starts_with("sm_");
  if (options.device == "auto") options.device = is_gpu ? "cuda" : "cpu";
  options.without_gpu = cat({"the pack ", backquoted(pack.folder), " is for ",
                             pack.program.target,
                             " alone: on another machine run the model, or "
                             "a pack that `lathe compile` made there"});
  return options;
}

}  // namespace

int run_pack(const Command& command, Console& console) {
  refuse_options(command);
  const Pack pack = read_pack(command.positionals[0]);
  std::vector<std::string> names;
  for (const Port& port : pack.program.outputs) names.push_back(port.name);
  const auto plan = plan_outputs(command.outputs, names);
  auto weights = open_pack_weights(pack, command.weights);
  DimBindings dims = command.dims;
  const auto inputs =
      model_inputs(inputs_of(pack.program), command, console, dims);
  Engine engine(pack_options(pack, command), console.reporter());
  auto model = engine.load(pack, std::move(weights));
  const auto outputs = model->run(inputs, dims);
  finish_run(command, console, plan, outputs, *model);
  return 0;
}

}  // namespace lathe
