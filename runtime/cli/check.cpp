// `lathe check`: all mistakes of a spec, and what it amounts to.
#include <algorithm>

#include "runtime/cli/session.h"
#include "runtime/cli/table.h"
#include "runtime/cli/verbs.h"
#include "runtime/json.h"
#include "spec/ast.h"

namespace lathe {
namespace {

std::string outputs_text(const LayerRow& row) {
  std::vector<std::string> types;
  for (const TensorType& type : row.outputs) types.push_back(to_string(type));
  return join(types, ", ");
}

std::string summary_table(const Model& model) {
  Table table({"LAYER", "TYPE", "OUTPUT", ">PARAMS", ">BYTES"});
  for (const LayerRow& row : model.layers) {
    const std::string name = row.path.empty() ? model.graph.name : row.path;
    table.add({std::string(static_cast<size_t>(row.depth) * 2, ' ') + name,
               row.type, outputs_text(row), count_text(row.params),
               bytes_text(row.bytes)});
  }
  return table.text();
}

std::string params_table(const Model& model) {
  Table table({"PARAM", "TYPE", "VALUE", "FROM", "DOC"});
  for (const ResolvedParam& param : model.params) {
    table.add({param.name, param.type, param.value, param.origin, param.doc});
  }
  return table.text();
}

// "ok: block, 12 layers, 40 ops, 3.1 M params in 12.4 MiB".
std::string verdict(const Model& model) {
  int64_t ops = 0;
  for (const Node& node : model.graph.nodes) {
    ops += node.kind == NodeKind::kOp ? 1 : 0;
  }
  const LayerRow whole =
      model.layers.empty() ? LayerRow{} : model.layers.front();
  const size_t layers = model.layers.empty() ? 0 : model.layers.size() - 1;
  return cat({"ok: ", model.graph.name, ", ", layers,
              layers == 1 ? " layer, " : " layers, ", ops,
              ops == 1 ? " op, " : " ops, ", count_text(whole.params),
              " params in ", bytes_text(whole.bytes), "\n"});
}

JsonValue layer_json(const LayerRow& row) {
  JsonValue out = JsonValue::object();
  out.add("path", JsonValue::of(row.path));
  out.add("type", JsonValue::of(row.type));
  JsonValue outputs = JsonValue::array();
  for (const TensorType& type : row.outputs) {
    outputs.items.push_back(JsonValue::of(to_string(type)));
  }
  out.add("outputs", std::move(outputs));
  out.add("params", JsonValue::of(row.params));
  out.add("bytes", JsonValue::of(row.bytes));
  return out;
}

JsonValue diagnostics_json(const Diagnostics& diagnostics) {
  JsonValue list = JsonValue::array();
  for (const Diagnostic& diagnostic : diagnostics.sorted()) {
    list.items.push_back(parse_json(to_json(diagnostic), "message"));
  }
  return list;
}

// `session` may be null where there are errors.
JsonValue result_json(const Command& command, const Session* session,
                      const Diagnostics& diagnostics) {
  JsonValue out = JsonValue::object();
  out.add("ok", JsonValue::of(!diagnostics.has_errors()));
  out.add("diagnostics", diagnostics_json(diagnostics));
  if (diagnostics.has_errors()) return out;
  const Model& model = session->model;
  out.add("model", JsonValue::of(model.graph.name));
  if (command.show_params) {
    JsonValue params = JsonValue::array();
    for (const ResolvedParam& param : model.params) {
      JsonValue row = JsonValue::object();
      row.add("name", JsonValue::of(param.name));
      row.add("type", JsonValue::of(param.type));
      row.add("value", JsonValue::of(param.value));
      row.add("from", JsonValue::of(param.origin));
      params.items.push_back(std::move(row));
    }
    out.add("params", std::move(params));
  }
  if (command.summary) {
    JsonValue layers = JsonValue::array();
    for (const LayerRow& row : model.layers) {
      layers.items.push_back(layer_json(row));
    }
    out.add("layers", std::move(layers));
  }
  return out;
}

// The spec with the values of its params in the place of their defaults.
std::string resolved_yaml(const Session& session) {
  SpecFile spec = *session.target.spec;
  for (const ResolvedParam& value : session.model.params) {
    if (value.node == nullptr) continue;
    const auto param = std::find_if(
        spec.params.begin(), spec.params.end(),
        [&](const ParamDecl& decl) { return decl.name.text == value.name; });
    if (param != spec.params.end()) {
      param->default_value = value.node;
      param->from.clear();
    } else if (value.origin != "default") {
      // `dtype`, which need not be declared.
      std::erase_if(spec.defaults, [&](const ValueDecl& decl) {
        return decl.name.text == value.name;
      });
      spec.defaults.push_back({{value.name, {}}, value.node});
    }
  }
  return to_yaml(spec);
}

void print_text(const Command& command, const Session& session,
                Console& console) {
  if (command.resolved) {
    console.result(resolved_yaml(session));
    return;
  }
  if (command.show_params) console.result(params_table(session.model));
  if (command.summary) console.result(summary_table(session.model));
  console.result(verdict(session.model));
}

}  // namespace

int check_verb(const Command& command, Console& console) {
  Diagnostics diagnostics;
  std::unique_ptr<Session> session;
  try {
    session = open_session(command, console, WeightsUse::kIfThere, diagnostics);
  } catch (const SpecError& error) {
    diagnostics.add_all(error.diagnostics());
  }
  if (console.json()) {
    console.result(to_json(result_json(command, session.get(), diagnostics)));
    return diagnostics.has_errors() ? 1 : 0;
  }
  const std::vector<Diagnostic> messages = diagnostics.sorted();
  if (!messages.empty()) {
    console.diagnostic(render(messages, console.error_color()));
  }
  if (diagnostics.has_errors()) {
    const size_t count = std::count_if(
        messages.begin(), messages.end(), [](const Diagnostic& message) {
          return message.severity == Severity::kError;
        });
    if (count > 1) console.note(cat({count, " errors"}));
    return 1;
  }
  for (const std::string& notice : session->model.notices) {
    console.note(notice);
  }
  for (const UnsupportedFeature& feature : session->model.unsupported) {
    console.note(cat({"`", feature.feature,
                      "` is checked, but cannot run in this version"}));
  }
  print_text(command, *session, console);
  return 0;
}

}  // namespace lathe
