// What the outside gives a model's params: the command line over the preset
// over config.json.

#include <cmath>

#include "interpreter/elaborator.h"
#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

// A JSON number may be written 1e6 where an int is wanted.
Datum config_number(double value, const ParamTypeAst& type) {
  const bool whole = type.name == "int" && std::floor(value) == value &&
                     std::fabs(value) < 9.0e15;
  return whole ? Datum(static_cast<int64_t>(value)) : Datum(value);
}

// What stands behind `-p name=`, as YAML reads it; for a param of type string
// the characters themselves, unless they are in quotes.
YamlRef override_value(const std::string& name, const std::string& text,
                       bool is_text) {
  const SourceRef file = make_source("-p " + name, text);
  const SourceSpan whole = {file, 0, static_cast<uint32_t>(text.size())};
  const bool in_quotes = text.size() > 1 && text.front() == text.back() &&
                         (text.front() == '"' || text.front() == '\'');
  if (is_text && !in_quotes) return make_scalar(text, whole);
  if (text.find_first_not_of(' ') == std::string::npos) {
    fail("L0331", whole, cat({"no value is given to `", name, "`"}),
         cat({"`-p ", name, "=VALUE`"}));
  }
  Diagnostics diagnostics;
  YamlDocument document = parse_yaml(file, diagnostics);
  diagnostics.throw_if_errors();
  return document.root;
}

}  // namespace

Datum Elaborator::config_datum(const ConfigValue& value,
                               const ParamTypeAst& type) {
  struct Visitor {
    Elaborator& e;
    const ParamTypeAst& type;
    const SourceSpan& span;

    Datum operator()(std::monostate) const { return None{}; }
    Datum operator()(bool v) const { return v; }
    Datum operator()(int64_t v) const { return v; }
    Datum operator()(double v) const { return config_number(v, type); }
    Datum operator()(const std::string& v) const { return make_text(v); }
    Datum operator()(const ConfigList& v) const {
      static const ParamTypeAst any{.name = "any"};
      std::vector<Datum> items;
      for (const ConfigValue& item : v) {
        items.push_back(e.config_datum(item, type.item ? *type.item : any));
      }
      return make_list(std::move(items));
    }
    Datum operator()(const ConfigMap& v) const {
      if (const LayerType* found = e.find_struct(type.name)) {
        return e.config_struct(v, *found, span);
      }
      static const ParamTypeAst any{.name = "any"};
      auto map = std::make_shared<DatumStruct>();
      for (const auto& [name, item] : v) {
        map->fields.emplace_back(name, e.config_datum(item, any));
      }
      return std::shared_ptr<const DatumStruct>(std::move(map));
    }
  };
  return std::visit(Visitor{*this, type, value.span}, value.value);
}

// Keys that the struct does not have are another program's business.
Datum Elaborator::config_struct(const ConfigMap& map, const LayerType& type,
                                const SourceSpan& span) {
  std::vector<GivenField> fields;
  for (const auto& [name, value] : map) {
    const ParamDecl* decl = type.find_param(name);
    const bool null = std::holds_alternative<std::monostate>(value.value);
    if (decl == nullptr || null) continue;
    const ParamTypeAst& wanted = param_type(type, *decl);
    fields.push_back(
        {name,
         convert_value(config_datum(value, wanted), wanted, value.span,
                       "`" + name + "`"),
         value.span, value.span, "", nullptr});
  }
  return make_struct(type, std::move(fields), span);
}

std::optional<GivenField> Elaborator::from_config(const LayerType& type,
                                                  const ParamDecl& decl) {
  if (!inputs_.config) return std::nullopt;
  const ParamTypeAst& wanted = param_type(type, decl);
  for (const Name& key : decl.from) {
    const ConfigValue* value = find_config(*inputs_.config, key.text);
    if (value == nullptr) continue;
    // null is how a config says "by default", unless none means something.
    const bool null = std::holds_alternative<std::monostate>(value->value);
    if (null && !wanted.optional) continue;
    // Metadata of a GGUF file stand in no text.
    const bool metadata = !value->span.known();
    GivenField field{decl.name.text, Unknown{}, value->span, value->span,
                     metadata ? "metadata" : "config.json", nullptr};
    try {
      field.value =
          convert_value(config_datum(*value, wanted), wanted, value->span,
                        cat({"`", key.text, "` (param `", decl.name.text,
                             "`)"}));
    } catch (const SpecError& error) {
      report(error);
    }
    return field;
  }
  return std::nullopt;
}

std::vector<GivenField> Elaborator::preset_fields(const SpecFile& spec) {
  if (inputs_.preset.empty()) return {};
  std::vector<std::string> names;
  for (const PresetDecl& preset : spec.presets) {
    names.push_back(preset.name.text);
    if (preset.name.text != inputs_.preset) continue;
    std::vector<GivenField> fields;
    for (const ValueDecl& decl : preset.params) {
      fields.push_back({decl.name.text, Unknown{}, decl.name.span,
                        decl.value->span, "preset " + inputs_.preset,
                        decl.value});
    }
    return fields;
  }
  std::string help = did_you_mean(inputs_.preset, names);
  if (help.empty()) {
    help = names.empty() ? "the model has no presets"
                         : "the presets are: " + join(names, ", ");
  }
  fail("L0330", {}, cat({"there is no preset `", inputs_.preset, "`"}), help);
}

// Params as a whole; their fields (`-p scale.dtype=float16`) are put aside for
// when the param has its value. A later `-p scale=...` replaces both.
std::vector<GivenField> Elaborator::command_line_fields(
    const LayerType& type) {
  std::vector<GivenField> fields;
  for (const auto& [name, text] : inputs_.overrides) {
    std::vector<std::string> path = split(name, '.');
    const ParamDecl* decl =
        path.size() == 1 ? type.find_param(name) : nullptr;
    const bool is_text = decl != nullptr && decl->type &&
                         decl->type->name == "string";
    YamlRef value;
    try {
      value = override_value(name, text, is_text);
    } catch (const SpecError& error) {
      report(error);
      continue;
    }
    const std::string param = path[0];
    path.erase(path.begin());
    if (!path.empty() && type.find_param(param) != nullptr) {
      field_overrides_[param].push_back({std::move(path), value});
      continue;
    }
    field_overrides_.erase(name);
    const bool builtin = param == "dtype" || param == "device";
    const bool whole = path.empty() || builtin;
    fields.push_back({whole ? name : param, Unknown{}, value->span,
                      value->span, "-p", value});
  }
  return fields;
}

std::vector<GivenField> Elaborator::model_fields(const LayerType& type) {
  std::vector<GivenField> given;
  const auto add = [&](std::vector<GivenField> fields) {
    for (GivenField& field : fields) {
      const bool known = type.find_param(field.name) != nullptr ||
                         field.name == "dtype" || field.name == "device";
      if (known) {
        given.push_back(std::move(field));
        continue;
      }
      std::vector<std::string> names;
      for (const ParamDecl& decl : type.spec->params) {
        names.push_back(decl.name.text);
      }
      names.insert(names.end(), {"dtype", "device"});
      std::string help = did_you_mean(field.name, names);
      if (help.empty()) help = "the params are: " + join(names, ", ");
      Diagnostic diagnostic{
          .code = "L0330",
          .message = cat({"the model has no param `", field.name, "`"}),
          .span = field.name_span,
          .help = std::move(help)};
      report(std::move(diagnostic));
    }
  };
  // Latest on the command line first: find_given takes the first.
  std::vector<GivenField> command_line = command_line_fields(type);
  add({command_line.rbegin(), command_line.rend()});
  try {
    add(preset_fields(*type.spec));
  } catch (const SpecError& error) {
    report(error);
  }
  for (const ParamDecl& decl : type.spec->params) {
    std::optional<GivenField> field = from_config(type, decl);
    if (field) given.push_back(std::move(*field));
  }
  return given;
}

}  // namespace lathe
