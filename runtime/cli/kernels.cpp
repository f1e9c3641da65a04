// `lathe kernels`: the C++ text that this machine's compiler gets, with the
// places of the spec in comments.
#include "codegen/compile.h"
#include "runtime/cli/session.h"
#include "runtime/cli/verbs.h"
#include "runtime/engine.h"
#include "runtime/json.h"
#include "spec/suggest.h"

namespace lathe {
namespace {

void check_name(const Program& program, const std::string& name) {
  std::vector<std::string> names;
  for (const Kernel& kernel : program.kernels) {
    if (kernel.name == name) return;
    names.push_back(kernel.name);
  }
  std::string help = did_you_mean(name, names);
  if (help.empty()) help = cat({"its kernels are ", join(names, ", ")});
  throw UsageError(cat({"there is no kernel ", backquoted(name)}), help);
}

JsonValue kernel_json(const Kernel& kernel) {
  JsonValue out = JsonValue::object();
  out.add("name", JsonValue::of(kernel.name));
  out.add("text", JsonValue::of(kernel.commented));
  return out;
}

// Products that a library computes where their sizes are worth it.
std::string products_text(const Program& program) {
  std::string out;
  for (const Step& step : program.steps) {
    if (!step.product) continue;
    out += cat({"\n// ", step.path, step.path.empty() ? "" : ": ", step.what,
                " (", place_of(step.span), ")\n// a library: ",
                to_string(*step.product), "\n"});
  }
  return out;
}

}  // namespace

int kernels_verb(const Command& command, Console& console) {
  auto session = open_session(command, console, WeightsUse::kIfThere);
  CompileOptions options;
  options.generic_only = command.generic;
  const Program program = compile(
      session->model.graph, Engine(options_of(command)).target(), options);
  const std::string wanted =
      command.positionals.size() > 1 ? command.positionals[1] : "";
  if (!wanted.empty()) check_name(program, wanted);
  JsonValue list = JsonValue::array();
  if (!command.json && wanted.empty()) console.result(program.prelude);
  for (const Kernel& kernel : program.kernels) {
    if (!wanted.empty() && kernel.name != wanted) continue;
    if (command.json) {
      list.items.push_back(kernel_json(kernel));
    } else {
      console.result("\n" + kernel.commented);
    }
  }
  if (command.json) console.result(to_json(list));
  if (!command.json && wanted.empty()) console.result(products_text(program));
  return 0;
}

}  // namespace lathe
