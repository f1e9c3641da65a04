// `lathe explain TOPIC`: the manual, made from the declarations themselves.
#include <filesystem>
#include <optional>

#include "interpreter/op.h"
#include "interpreter/spec_library.h"
#include "runtime/cli/flow_text.h"
#include "runtime/cli/table.h"
#include "runtime/cli/verbs.h"
#include "runtime/json.h"
#include "runtime/mapped_file.h"
#include "spec/ast.h"
#include "spec/suggest.h"

namespace lathe {
namespace {

// A topic's text, and the same as JSON.
struct Page {
  std::string text;
  JsonValue json = JsonValue::object();
};

// "required", "default 1e-6", "choices [...]", bounds and config keys.
std::string rules_of(const ParamDecl& param) {
  std::string out = param.default_value
                        ? "default " + flow_text(param.default_value)
                        : "required";
  if (param.min) out += ", min " + flow_text(param.min);
  if (param.max) out += ", max " + flow_text(param.max);
  if (param.choices) out += ", one of " + flow_text(param.choices);
  if (!param.from.empty()) {
    std::vector<std::string> keys;
    for (const Name& key : param.from) keys.push_back(key.text);
    out += ", from config " + join(keys, " or ");
  }
  return out;
}

std::string when_of(const WeightDecl& weight) {
  return weight.when ? "when " + to_string(*weight.when) : "";
}

std::string type_of(const ParamDecl& param) {
  return param.type ? to_string(*param.type) : "";
}

// `text` indented, each line.
std::string indented(const std::string& text) {
  std::string out;
  for (const std::string& line : split(text, '\n')) {
    if (!line.empty()) out += "  " + line;
    out += "\n";
  }
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

// A list under a title, its columns aligned.
std::string section(const std::string& title,
                    const std::vector<std::vector<std::string>>& rows) {
  if (rows.empty()) return "";
  Table table(std::vector<std::string>(rows.front().size()));
  for (const auto& row : rows) table.add(row);
  // The empty titles are the first line.
  const std::string text = table.text();
  return "\n" + title + ":\n" + indented(text.substr(text.find('\n') + 1));
}

JsonValue param_json(const ParamDecl& param) {
  JsonValue out = JsonValue::object();
  out.add("name", JsonValue::of(param.name.text));
  out.add("type", JsonValue::of(type_of(param)));
  if (param.default_value) {
    out.add("default", JsonValue::of(flow_text(param.default_value)));
  }
  if (param.choices) {
    out.add("choices", JsonValue::of(flow_text(param.choices)));
  }
  out.add("doc", JsonValue::of(param.doc));
  return out;
}

std::string_view title_of(SpecKind kind) {
  switch (kind) {
    case SpecKind::kLayer:
      return "a layer type";
    case SpecKind::kModel:
      return "a model";
    case SpecKind::kStruct:
      return "a struct type";
  }
  return "";
}

Page page_of(const SpecFile& spec) {
  std::vector<std::vector<std::string>> params, inputs, weights, presets;
  Page out;
  JsonValue params_json = JsonValue::array();
  for (const ParamDecl& param : spec.params) {
    params.push_back(
        {param.name.text, type_of(param), rules_of(param), param.doc});
    params_json.items.push_back(param_json(param));
  }
  for (const InputDecl& input : spec.inputs) {
    inputs.push_back({input.name.text, to_string(input.type), input.doc});
  }
  for (const WeightDecl& weight : spec.weights) {
    weights.push_back({weight.name.text, to_string(weight.type),
                       when_of(weight), weight.doc});
  }
  for (const PresetDecl& preset : spec.presets) {
    std::string values;
    for (const ValueDecl& value : preset.params) {
      values += cat({values.empty() ? "" : ", ", value.name.text, ": ",
                     flow_text(value.value)});
    }
    presets.push_back({preset.name.text, values});
  }
  out.text = cat({spec.name.text, ": ", title_of(spec.kind), "\n"}) +
             (spec.doc.empty() ? "" : "\n" + indented(spec.doc)) +
             section("params", params) +
             section("inputs", inputs) + section("weights", weights) +
             section("presets", presets) + "\ndeclared in " + spec.file->name +
             "\n";
  out.json.add("name", JsonValue::of(spec.name.text));
  out.json.add("kind", JsonValue::of(std::string(title_of(spec.kind))));
  out.json.add("doc", JsonValue::of(spec.doc));
  out.json.add("params", std::move(params_json));
  return out;
}

// A param, an input or a weight; `type` is what it must be.
Page field_page(const SpecFile& spec, const std::string& name,
                const std::string& kind, const std::string& doc,
                const std::string& type, const std::string& rules) {
  Page out;
  out.text = cat({spec.name.text, ".", name, ": ", kind, " of ",
                  spec.name.text, "\n"}) +
             (doc.empty() ? "" : "\n" + indented(doc)) +
             section("rules", {{type, rules}});
  out.json.add("name", JsonValue::of(name));
  out.json.add("type", JsonValue::of(type));
  out.json.add("doc", JsonValue::of(doc));
  return out;
}

Page page_of(const SpecFile& spec, const ParamDecl& param) {
  Page out = field_page(spec, param.name.text, "a param", param.doc,
                        type_of(param), rules_of(param));
  out.json = param_json(param);
  return out;
}

Page page_of(const OpDef& op) {
  Page out;
  out.text = cat({op.name, ": an op\n\n"}) + indented(op.doc) +
             "\nsignature:\n  " + signature_text(op) + "\n";
  if (!op.infix.empty()) out.text += "\nwritten as: a " + op.infix + " b\n";
  if (!op.prefix.empty()) out.text += "\nwritten as: " + op.prefix + " a\n";
  out.json.add("name", JsonValue::of(op.name));
  out.json.add("signature", JsonValue::of(op.signature));
  out.json.add("doc", JsonValue::of(op.doc));
  return out;
}

// `L04`: the codes of a group.
std::optional<Page> group_page(const std::string& group) {
  Page out;
  out.json = JsonValue::array();
  Table table({"CODE", "ABOUT"});
  for (const ErrorCode& code : error_codes()) {
    if (code.code.substr(0, 3) != group) continue;
    table.add({std::string(code.code), std::string(code.title)});
    JsonValue row = JsonValue::object();
    row.add("code", JsonValue::of(std::string(code.code)));
    row.add("title", JsonValue::of(std::string(code.title)));
    out.json.items.push_back(std::move(row));
  }
  if (out.json.items.empty()) return std::nullopt;
  out.text = table.text();
  return out;
}

Page page_of(const ErrorCode& code) {
  Page out;
  out.text = cat({code.code, ": ", code.title, "\n\n"});
  std::string line;
  for (const std::string& word : split(code.explanation, ' ')) {
    if (line.size() + word.size() + 3 > 80) {
      out.text += "  " + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  out.text += "  " + line + "\n";
  out.json.add("code", JsonValue::of(std::string(code.code)));
  out.json.add("title", JsonValue::of(std::string(code.title)));
  out.json.add("doc", JsonValue::of(std::string(code.explanation)));
  return out;
}

const SpecFile* find_type(SpecLibrary& library, std::string_view name) {
  for (SpecKind kind :
       {SpecKind::kLayer, SpecKind::kStruct, SpecKind::kModel}) {
    if (const SpecFile* spec = library.find(kind, name)) return spec;
  }
  return nullptr;
}

const ParamDecl* find_param(const SpecFile& spec, std::string_view name) {
  for (const ParamDecl& param : spec.params) {
    if (param.name.text == name) return &param;
  }
  return nullptr;
}

// A field by its name alone: the types that have it.
std::optional<Page> fields_page(SpecLibrary& library,
                                const std::string& name) {
  Page out;
  out.json = JsonValue::array();
  Table table({"FIELD", "TYPE", "RULES", "DOC"});
  for (const LibraryEntry& entry : library.entries()) {
    // Most files are not read: those that have the field mention it.
    if (entry.text.find(name) == std::string_view::npos) continue;
    const SpecFile* spec = library.find(entry.kind, entry.type);
    const ParamDecl* param =
        spec == nullptr ? nullptr : find_param(*spec, name);
    if (param == nullptr) continue;
    table.add({entry.type + "." + name, type_of(*param), rules_of(*param),
               param->doc});
    JsonValue row = param_json(*param);
    row.add("of", JsonValue::of(entry.type));
    out.json.items.push_back(std::move(row));
  }
  if (out.json.items.empty()) return std::nullopt;
  out.text = table.text();
  return out;
}

[[noreturn]] void unknown_topic(SpecLibrary& library,
                                const std::string& topic) {
  std::vector<std::string> names = {"layers", "ops"};
  for (const LibraryEntry& entry : library.entries()) {
    names.push_back(entry.type);
  }
  for (const auto& [name, op] : OpRegistry::instance().all()) {
    names.push_back(name);
  }
  std::string help = did_you_mean(topic, names);
  const std::string group = topic.substr(0, 3);
  if (group_page(group)) {
    help = cat({"`lathe explain ", group, "` lists the codes of this group"});
  }
  if (help.empty()) help = "`lathe layers` and `lathe ops` list the names";
  throw UsageError(cat({"there is no layer type, field, op or error code ",
                        backquoted(topic)}),
                   help);
}

// `Linear.in_dim`, `Linear.weight`.
Page dotted_page(SpecLibrary& library, const std::string& topic) {
  const size_t dot = topic.find('.');
  const SpecFile* spec = dot == std::string::npos
                             ? nullptr
                             : find_type(library, topic.substr(0, dot));
  if (spec == nullptr) unknown_topic(library, topic);
  const std::string field = topic.substr(dot + 1);
  if (const ParamDecl* param = find_param(*spec, field)) {
    return page_of(*spec, *param);
  }
  std::vector<std::string> names;
  for (const ParamDecl& param : spec->params) names.push_back(param.name.text);
  for (const WeightDecl& weight : spec->weights) {
    names.push_back(weight.name.text);
    if (weight.name.text != field) continue;
    return field_page(*spec, field, "a weight", weight.doc,
                      to_string(weight.type), when_of(weight));
  }
  for (const InputDecl& input : spec->inputs) {
    names.push_back(input.name.text);
    if (input.name.text != field) continue;
    return field_page(*spec, field, "an input", input.doc,
                      to_string(input.type), "");
  }
  throw UsageError(cat({spec->name.text, " has no field ", backquoted(field)}),
                   did_you_mean(field, names));
}

Page find_page(SpecLibrary& library, const std::string& topic) {
  if (const SpecFile* spec = find_type(library, topic)) return page_of(*spec);
  const OpRegistry& ops = OpRegistry::instance();
  if (const OpDef* op = ops.find(topic)) return page_of(*op);
  if (const OpDef* op = ops.find_infix(topic)) return page_of(*op);
  if (const OpDef* op = ops.find_prefix(topic)) return page_of(*op);
  std::string code = topic;
  if (code[0] == 'l') code[0] = 'L';
  if (const ErrorCode* found = find_error_code(code)) return page_of(*found);
  if (auto page = group_page(code)) return *page;
  if (std::filesystem::is_regular_file(topic)) {
    Diagnostics diagnostics;
    SpecFile spec =
        read_spec(make_source(topic, read_text_file(topic)), diagnostics);
    diagnostics.throw_if_errors();
    return page_of(spec);
  }
  if (auto page = fields_page(library, topic)) return *page;
  return dotted_page(library, topic);
}

}  // namespace

int explain_verb(const Command& command, Console& console) {
  if (command.positionals[0] == "layers") return layers_verb(command, console);
  if (command.positionals[0] == "ops") return ops_verb(command, console);
  SpecLibrary library;
  Page page = find_page(library, command.positionals[0]);
  console.result(console.json() ? to_json(page.json) : page.text);
  return 0;
}

}  // namespace lathe
