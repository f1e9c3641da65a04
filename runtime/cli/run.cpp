// `lathe run`: a model on data.
#include "runtime/bind_dims.h"
#include "runtime/cli/run_pack.h"
#include "runtime/cli/session.h"
#include "runtime/cli/table.h"
#include "runtime/cli/verbs.h"
#include "runtime/engine.h"
#include "runtime/inputs.h"
#include "runtime/json.h"
#include "runtime/layer_places.h"
#include "runtime/npy.h"
#include "runtime/outputs.h"
#include "runtime/reference_executable.h"

namespace lathe {
namespace {

std::vector<std::string> output_names(const Graph& graph) {
  std::vector<std::string> out;
  for (const GraphOutput& output : graph.outputs) out.push_back(output.name);
  return out;
}

std::string kernels_text(const CompileReport& kernels) {
  if (kernels.packed > 0) return cat({kernels.packed, " kernels of the pack"});
  return cat({kernels.compiled,
              kernels.compiled == 1 ? " kernel" : " kernels", " compiled and ",
              kernels.cached,
              " taken from the cache in ", seconds_text(kernels.seconds)});
}

std::string timing_text(const LoadReport& load, const RunReport& run) {
  return cat({"loaded ", bytes_text(load.weight_bytes), " of weights in ",
              seconds_text(load.weights_seconds), "; ", load.steps,
              load.steps == 1 ? " step, " : " steps, ",
              kernels_text(load.kernels), "; ran in ",
              seconds_text(run.seconds)});
}

std::string profile_table(const RunReport& report) {
  Table table({">TIME", ">BYTES", ">GB/S", "STEP", "LAYER", "PLACE"});
  for (const StepTime& step : report.steps) {
    char rate[32];
    const double nanoseconds =
        static_cast<double>(std::max<int64_t>(step.nanoseconds, 1));
    std::snprintf(rate, sizeof rate, "%.1f",
                  static_cast<double>(step.bytes) / nanoseconds);
    table.add({seconds_text(nanoseconds * 1e-9), bytes_text(step.bytes), rate, step.what, step.path,
               step.place});
  }
  return table.text();
}

JsonValue result_json(const std::vector<NamedTensor>& outputs,
                      const LoadReport& load, const RunReport& run) {
  JsonValue out = JsonValue::object();
  JsonValue list = JsonValue::array();
  for (const NamedTensor& output : outputs) {
    list.items.push_back(summary_json(output));
  }
  out.add("outputs", std::move(list));
  JsonValue times = JsonValue::object();
  times.add("weights_seconds", JsonValue::of(load.weights_seconds));
  times.add("kernels_seconds", JsonValue::of(load.kernels.seconds));
  times.add("kernels_compiled", JsonValue::of(int64_t{load.kernels.compiled}));
  times.add("kernels_cached", JsonValue::of(int64_t{load.kernels.cached}));
  times.add("run_seconds", JsonValue::of(run.seconds));
  times.add("temporary_bytes", JsonValue::of(run.temporary_bytes));
  out.add("report", std::move(times));
  JsonValue steps = JsonValue::array();
  for (const StepTime& step : run.steps) {
    JsonValue row = JsonValue::object();
    row.add("step", JsonValue::of(step.what));
    row.add("path", JsonValue::of(step.path));
    row.add("place", JsonValue::of(step.place));
    row.add("nanoseconds", JsonValue::of(step.nanoseconds));
    row.add("bytes", JsonValue::of(step.bytes));
    steps.items.push_back(std::move(row));
  }
  if (!run.steps.empty()) out.add("steps", std::move(steps));
  return out;
}

// Formats that lack a type say what they store instead.
void note_widened(const std::vector<OutputFile>& plan,
                  const std::vector<NamedTensor>& outputs, Console& console) {
  for (const OutputFile& file : plan) {
    if (!file.path.ends_with(".npy")) continue;
    for (const NamedTensor& output : outputs) {
      const DType dtype = output.tensor.dtype();
      if (output.name != file.names.front() || npy_has(dtype)) continue;
      console.note(cat({file.path, " holds float32: npy has no ",
                        to_string(dtype), ", safetensors has"}));
    }
  }
}

}  // namespace

void finish_run(const Command& command, Console& console,
                const std::vector<OutputFile>& plan,
                const std::vector<NamedTensor>& outputs,
                const Executable& model) {
  write_outputs(plan, outputs);
  note_widened(plan, outputs, console);
  if (console.json()) {
    console.result(to_json(
        result_json(outputs, model.load_report(), model.run_report())));
    return;
  }
  for (const NamedTensor& output : outputs) {
    console.result(summary_text(output));
  }
  if (command.profile) console.result(profile_table(model.run_report()));
  console.note(timing_text(model.load_report(), model.run_report()));
}

int run_verb(const Command& command, Console& console) {
  if (is_pack(command.positionals[0])) return run_pack(command, console);
  auto session = open_session(command, console, WeightsUse::kNeeded);
  const Graph& graph = session->model.graph;
  const auto plan = plan_outputs(command.outputs, output_names(graph));
  require_runnable(session->model);
  DimBindings dims = command.dims;
  const auto inputs = session_inputs(*session, command, console, dims);
  Engine engine(options_of(command), console.reporter());
  const DimBindings sizes =
      place_errors(session->model, [&] {
        return bind_dims(inputs_of(graph), inputs, dims);
      });
  auto model = engine.load(graph, weights_of(*session), sizes);
  const std::vector<NamedTensor> outputs = place_errors(
      session->model, [&] { return model->run(inputs, dims); });
  finish_run(command, console, plan, outputs, *model);
  return 0;
}

}  // namespace lathe
