// `lathe inspect PATH --match SPEC`: which tensors fill which weights. With
// --fit, whether the model that this makes has room in memory.
#include <filesystem>
#include <set>

#include "codegen/compile.h"
#include "runtime/cli/inspect.h"
#include "runtime/cli/session.h"
#include "runtime/cli/table.h"
#include "runtime/engine.h"
#include "runtime/json.h"
#include "runtime/machine.h"
#include "runtime/memory_need.h"
#include "spec/check.h"

namespace lathe {
namespace {

std::string_view status_of(MatchKind kind) {
  switch (kind) {
    case MatchKind::kFilled: return "ok";
    case MatchKind::kTied: return "tied";
    case MatchKind::kMissing: return "missing";
    case MatchKind::kDiffers: return "differs";
    case MatchKind::kForeign: return "unreadable";
  }
  return "";
}

// A weight, or a tensor that fills none.
struct Row {
  std::string status, name, model, stored;
};

// "float32[2, 3]", and the tensors' names where they are not the weight's.
std::string stored_text(const WeightMatch& match,
                        const Checkpoint& checkpoint) {
  std::string out;
  for (const std::string& name : match.stored) {
    out += cat({out.empty() ? "" : ", ",
                type_text(*checkpoint.find(name).tensor)});
    if (name != match.path) out += " " + name;
  }
  return out.empty() ? "-" : out;
}

std::vector<Row> rows_of(const Model& model, const Checkpoint& checkpoint) {
  std::vector<Row> rows;
  std::set<std::string_view> used;
  const std::set<std::string_view> ignored(model.ignored.begin(),
                                           model.ignored.end());
  for (const WeightMatch& match : model.matches) {
    rows.push_back({std::string(status_of(match.kind)), match.path,
                    to_string(match.type), stored_text(match, checkpoint)});
    used.insert(match.stored.begin(), match.stored.end());
    // A tied tensor may be stored a second time.
    if (match.kind == MatchKind::kTied) used.insert(match.path);
  }
  for (const Checkpoint::Entry& entry : checkpoint.entries()) {
    const FileTensor& tensor = *entry.tensor;
    if (used.count(tensor.name) > 0) continue;
    rows.push_back({ignored.count(tensor.name) > 0 ? "ignored" : "unused",
                    tensor.name, "-", type_text(tensor)});
  }
  return rows;
}

std::string table_of(const std::vector<Row>& rows) {
  Table table({"STATUS", "NAME", "MODEL", "CHECKPOINT"});
  for (const Row& row : rows) {
    table.add({row.status, row.name, row.model, row.stored});
  }
  return table.text();
}

// "28 ok, 2 tied, 3 ignored".
std::string counts_of(const std::vector<Row>& rows) {
  std::string out;
  for (const char* status :
       {"ok", "tied", "missing", "differs", "unreadable", "ignored",
        "unused"}) {
    int64_t count = 0;
    for (const Row& row : rows) count += row.status == status ? 1 : 0;
    if (count > 0) out += cat({out.empty() ? "" : ", ", count, " ", status});
  }
  return out;
}

JsonValue rows_json(const std::vector<Row>& rows) {
  JsonValue list = JsonValue::array();
  for (const Row& row : rows) {
    JsonValue item = JsonValue::object();
    item.add("status", JsonValue::of(row.status));
    item.add("name", JsonValue::of(row.name));
    item.add("model", JsonValue::of(row.model));
    item.add("checkpoint", JsonValue::of(row.stored));
    list.items.push_back(std::move(item));
  }
  return list;
}

// What a run needs, what there is, and for which sizes.
struct Fit {
  MemoryNeed need;
  int64_t free = 0, whole = 0;
  std::string sizes;  // "B = 4, T = 16"
};

Fit reckon_fit(const Command& command, const Graph& graph) {
  CompileOptions options;
  options.generic_only = command.generic;
  const Program program =
      compile(graph, Engine(options_of(command)).target(), options);
  Fit fit;
  DimBindings dims;
  for (const std::string& symbol : program.symbols) {
    const auto given = command.dims.find(symbol);
    dims[symbol] = given == command.dims.end() ? kMadeUpSize : given->second;
    fit.sizes += cat(
        {fit.sizes.empty() ? "" : ", ", symbol, " = ", dims[symbol]});
  }
  for (const auto& [symbol, size] : command.dims) {
    if (dims.count(symbol) > 0) continue;
    throw UsageError(
        cat({"the model has no symbolic dim ", backquoted(symbol)}));
  }
  fit.need = memory_need(program, dims);
  fit.free = available_memory();
  fit.whole = describe_machine().memory_bytes;
  return fit;
}

std::string fit_text(const Fit& fit) {
  const MemoryNeed& need = fit.need;
  const std::string sizes =
      fit.sizes.empty() ? "all sizes are fixed" : "with " + fit.sizes;
  Table table({"", ">", ""});
  const auto add = [&](const char* what, int64_t bytes,
                       const std::string& note) {
    table.add({what, bytes_text(bytes), note});
  };
  add("weights", need.weights,
      cat({"as kernels read them; ", bytes_text(need.stored), " are stored"}));
  add("loading", need.loading, "at most, weights included");
  add("temporaries", need.temporaries, sizes);
  add("inputs, outputs", need.ports, sizes);
  add("needed", need.peak(), "at once");
  add("free", fit.free, "of " + bytes_text(fit.whole));
  const std::string text = table.text();
  return text.substr(text.find('\n') + 1);
}

JsonValue fit_json(const Fit& fit) {
  JsonValue out = JsonValue::object();
  out.add("weights", JsonValue::of(fit.need.weights));
  out.add("stored", JsonValue::of(fit.need.stored));
  out.add("loading", JsonValue::of(fit.need.loading));
  out.add("temporaries", JsonValue::of(fit.need.temporaries));
  out.add("ports", JsonValue::of(fit.need.ports));
  out.add("needed", JsonValue::of(fit.need.peak()));
  out.add("free", JsonValue::of(fit.free));
  out.add("whole", JsonValue::of(fit.whole));
  return out;
}

// Elaborates the model with this checkpoint: strict loading says what is
// missing, unused and of another shape.
std::unique_ptr<Session> open_both(const Command& command, Console& console,
                                   Diagnostics& diagnostics) {
  const std::string& path = command.positionals[0];
  if (command.match.empty() && !std::filesystem::is_directory(path)) {
    throw UsageError(cat({"`--fit` needs a model, which ", backquoted(path),
                          " does not describe"}),
                     "add `--match SPEC`");
  }
  Command both = command;
  both.positionals = {command.match.empty() ? path : command.match};
  both.weights = path;
  return open_session(both, console, WeightsUse::kNeeded, diagnostics);
}

}  // namespace

int inspect_match(const Command& command, Console& console) {
  Diagnostics diagnostics;
  const auto session = open_both(command, console, diagnostics);
  const Model& model = session->model;
  if (model.matches.empty()) diagnostics.throw_if_errors();
  const std::vector<Row> rows = rows_of(model, *session->checkpoint);
  JsonValue json = JsonValue::object();
  json.add("weights", rows_json(rows));
  if (!console.json() && !command.match.empty()) {
    console.result(table_of(rows) +
                   cat({command.positionals[0],
                        diagnostics.has_errors() ? " does not fit " : " fits ",
                        command.match, ": ", counts_of(rows), "\n"}));
  }
  std::optional<Fit> fit;
  if (command.fit && !diagnostics.has_errors()) {
    fit = reckon_fit(command, model.graph);
    json.add("memory", fit_json(*fit));
    if (!console.json()) console.result(fit_text(*fit));
  }
  if (console.json()) console.result(to_json(json));
  diagnostics.throw_if_errors();
  if (fit && fit->free > 0 && fit->need.peak() > fit->free) {
    throw DeviceError("L0702", cat({"the model takes ", fit->need.peak(),
                                    " bytes, and ", fit->free, " are free"}));
  }
  return 0;
}

}  // namespace lathe
