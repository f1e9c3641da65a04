// `lathe compile`: a model as a pack, compiled ahead of time.
#include <filesystem>
#include <set>

#include "codegen/compile.h"
#include "runtime/cli/session.h"
#include "runtime/cli/table.h"
#include "runtime/cli/verbs.h"
#include "runtime/cpu_device.h"
#include "runtime/cuda/cuda_device.h"
#include "runtime/instruction_sets.h"
#include "runtime/json.h"
#include "runtime/machine.h"
#include "runtime/pack/pack.h"
#include "spec/diagnostic.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

std::string output_of(const Command& command) {
  if (command.outputs.size() != 1) {
    throw UsageError("`lathe compile` needs one `-o PACK`");
  }
  const std::string& path = command.outputs[0];
  if (!command.force && fs::exists(path)) {
    fail("L0512", {}, cat({backquoted(path), " is there already"}),
         "`--force` replaces it");
  }
  // Only a pack is replaced: a mistyped path costs nobody a folder.
  if (fs::exists(path) && !is_pack(path) &&
      !(fs::is_directory(path) && fs::is_empty(path))) {
    fail("L0512", {},
         cat({backquoted(path), " is no pack, so it is not replaced"}));
  }
  return path;
}

Target target_of(const Command& command, const Options& options) {
  if (command.target != "cpu") return target_preset(command.target);
  const Machine machine = describe_machine();
  return target_of(machine,
                   options.threads > 0 ? options.threads : machine.cores);
}

PackContents compile_pack(const Session& session, const Command& command,
                          Console& console) {
  const Options options = options_of(command);
  CompileOptions how;
  how.generic_only = command.generic;
  PackContents out;
  const Target target = target_of(command, options);
  out.program = compile(session.model.graph, target, how);
  const auto compile_kernels = target.gpu ? compile_for_cuda : compile_for_cpu;
  out.objects = compile_kernels(options, console.reporter(), out.program);
  if (!target.gpu) out.instructions = instruction_sets();
  out.weights = weight_recipes(session.model);
  if (session.checkpoint) {
    out.weights_path = fs::absolute(session.checkpoint->path()).string();
  }
  return out;
}

std::string weights_text(const PackContents& contents) {
  if (contents.weights.empty()) return "no weights";
  if (contents.carried) return "with its weights";
  if (contents.weights_path.empty()) return "its weights made up by a run";
  return cat({"weights in ", contents.weights_path});
}

}  // namespace

int compile_verb(const Command& command, Console& console) {
  const std::string output = output_of(command);
  auto session = open_session(command, console, WeightsUse::kNeeded);
  require_runnable(session->model);
  PackContents contents = compile_pack(*session, command, console);
  std::shared_ptr<const WeightSource> weights;
  if (command.with_weights) {
    weights = weights_of(*session);
    contents.carried = weights.get();
  }
  write_pack(output, contents);
  const Program& program = contents.program;
  if (console.json()) {
    JsonValue out = JsonValue::object();
    out.add("output", JsonValue::of(output));
    out.add("target", JsonValue::of(program.target));
    out.add("kernels", JsonValue::of(int64_t(program.kernels.size())));
    out.add("steps", JsonValue::of(int64_t(program.steps.size())));
    console.result(to_json(out));
    return 0;
  }
  console.result(cat({output, ": ", program.name, " for ", program.target,
                      ", ", program.kernels.size(),
                      program.kernels.size() == 1 ? " kernel" : " kernels",
                      ", ", weights_text(contents), "\n"}));
  return 0;
}

}  // namespace lathe
