// Params: given, or by default, or from the layers around.

#include <algorithm>

#include "interpreter/elaborator.h"
#include "interpreter/plain_expression.h"
#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Names that an expression mentions, in order.
void collect_names(const ExprAst& x, std::vector<const ExprAst*>& names) {
  if (x.kind == AstKind::kName) {
    names.push_back(&x);
    return;
  }
  const size_t first = x.kind == AstKind::kCall ? 1 : 0;
  for (size_t i = first; i < x.args.size(); ++i) {
    if (x.args[i] != nullptr) collect_names(*x.args[i], names);
  }
}

// "heads is 3, kv_heads is 2", for a condition that does not hold.
std::vector<std::string> value_notes(Elaborator& e, const ExprAst& condition,
                                     const Scope& scope) {
  std::vector<const ExprAst*> names;
  collect_names(condition, names);
  std::vector<std::string> parts;
  for (const ExprAst* name : names) {
    const std::string part =
        cat({name->text, " is ", to_string(e.resolve(*name, scope))});
    const bool constant = parse_dtype(name->text).has_value();
    const bool repeated =
        std::find(parts.begin(), parts.end(), part) != parts.end();
    if (!constant && !repeated) parts.push_back(part);
  }
  if (parts.empty()) return {};
  return {join(parts, ", ")};
}

bool is_builtin(std::string_view name) {
  return name == "dtype" || name == "device" || name == "layer_index";
}

// A field of every layer that is no param: what its path begins with.
bool is_prefix(std::string_view name) { return name == "prefix"; }

const ParamTypeAst& builtin_type(std::string_view name) {
  static const ParamTypeAst dtype{.name = "dtype"};
  static const ParamTypeAst device{.name = "device"};
  static const ParamTypeAst index{.name = "int", .optional = true};
  static const ParamTypeAst text{.name = "string"};
  if (is_prefix(name)) return text;
  if (name == "layer_index") return index;
  return name == "dtype" ? dtype : device;
}

std::vector<std::string> param_names(const LayerType& type) {
  std::vector<std::string> names;
  for (const ParamDecl& decl : type.spec->params) {
    names.push_back(decl.name.text);
  }
  return names;
}

std::string default_dtype_of(const SpecFile& spec) {
  for (const InputDecl& input : spec.inputs) {
    const std::optional<DType> dtype = parse_dtype(input.type.dtype);
    if (dtype && is_float(*dtype)) return input.type.dtype;
  }
  return "float32";
}

std::optional<DType> config_dtype(const std::optional<ConfigValue>& config) {
  if (!config) return std::nullopt;
  for (const char* key : {"dtype", "torch_dtype"}) {
    const ConfigValue* value = find_config(*config, key);
    if (value == nullptr) continue;
    if (const auto* text = std::get_if<std::string>(&value->value)) {
      return parse_dtype(*text);
    }
  }
  return std::nullopt;
}

}  // namespace

void Elaborator::unknown_field(const LayerType& type, const Name& field,
                               const std::string& owner) const {
  std::vector<std::string> names = param_names(type);
  const std::string listed = join(names, ", ");
  names.insert(names.end(), {"dtype", "device"});
  if (type.spec->kind != SpecKind::kStruct) {
    names.insert(names.end(), {"repeat", "index", "when", "prefix"});
  }
  std::string help = did_you_mean(field.text, names);
  if (help.empty()) {
    help = listed.empty() ? owner + " has no fields of its own"
                          : cat({owner, " has: ", listed});
  }
  fail("L0211", field.span,
       cat({owner, " has no field `", field.text, "`"}), help);
}

bool Elaborator::has_unknown_field(const LayerType& type,
                                   const std::vector<GivenField>& fields) {
  const bool is_layer = type.spec->kind != SpecKind::kStruct;
  return std::any_of(
      fields.begin(), fields.end(), [&](const GivenField& field) {
        const std::string& name = field.name;
        return type.find_param(name) == nullptr && !is_builtin(name) &&
               !(is_layer && is_prefix(name));
      });
}

std::vector<const ParamDecl*> Elaborator::missing_params(
    const LayerInstance& layer) {
  std::vector<const ParamDecl*> missing;
  for (const ParamDecl& decl : layer.type->spec->params) {
    const bool optional = decl.type && decl.type->optional;
    const bool damaged =
        layer.type->spec->damage.names.count(decl.name.text) != 0;
    const bool filled = decl.default_value != nullptr || optional || damaged ||
                        is_builtin(decl.name.text) ||
                        layer.find_given(decl.name.text) != nullptr ||
                        !field_overrides(layer, decl.name.text).empty();
    if (!filled) missing.push_back(&decl);
  }
  return missing;
}

std::vector<GivenField> Elaborator::read_fields(
    const LayerType& type, const std::vector<ValueDecl>& fields,
    const Scope& scope, const std::string& owner) {
  const bool is_layer = type.spec->kind != SpecKind::kStruct;
  std::vector<GivenField> given;
  for (const ValueDecl& field : fields) {
    const std::string& name = field.name.text;
    GivenField result{name, Unknown{}, field.name.span, field.value->span,
                      "", nullptr};
    try {
      const ParamDecl* decl = type.find_param(name);
      const bool of_all = is_builtin(name) || (is_layer && is_prefix(name));
      if (decl == nullptr && !of_all) {
        unknown_field(type, field.name, owner);
      }
      const ParamTypeAst& wanted =
          decl == nullptr ? builtin_type(name) : param_type(type, *decl);
      result.value =
          read_value(*field.value, wanted, scope, "`" + name + "`");
    } catch (const SpecError& error) {
      report(error);
    }
    given.push_back(std::move(result));
  }
  return given;
}

// A value that is asked for while it is being found.
void Elaborator::refuse_ring(const Name& name) const {
  const auto first =
      std::find(resolving_.begin(), resolving_.end(), name.text);
  std::string ring;
  for (auto it = first; it != resolving_.end(); ++it) ring += *it + " -> ";
  fail("L0339", name.span,
       cat({"the value of `", name.text, "` depends on itself"}), "",
       {ring + name.text});
}

Datum Elaborator::param(LayerInstance& layer, const ParamDecl& decl) {
  const std::string& name = decl.name.text;
  LazyDatum& slot = layer.params[name];
  if (slot.progress == Progress::kDone) return slot.value;
  if (slot.progress == Progress::kNow) refuse_ring(decl.name);
  slot.progress = Progress::kNow;
  resolving_.push_back(name);
  try {
    slot.value = param_value(layer, decl);
  } catch (const SpecError& error) {
    report(error);
    slot.value = Unknown{};
  }
  resolving_.pop_back();
  slot.progress = Progress::kDone;
  return slot.value;
}

Datum Elaborator::param_value(LayerInstance& layer, const ParamDecl& decl) {
  const std::string& name = decl.name.text;
  const Scope scope{.layer = &layer};
  const ParamTypeAst& type = param_type(*layer.type, decl);
  const GivenField* given = layer.find_given(name);
  Datum value;
  if (given != nullptr) {
    value = given->pending == nullptr
                ? given->value
                : read_value(*given->pending, type, scope, "`" + name + "`");
  } else if (decl.default_value != nullptr) {
    const bool untyped = !decl.type;
    value = untyped ? read_untyped(*decl.default_value, scope)
                    : read_value(*decl.default_value, type, scope,
                                 "`" + name + "`");
  } else if (is_builtin(name)) {
    return inherited(layer, name);
  } else if ((decl.type && decl.type->optional) ||
             !field_overrides(layer, name).empty()) {
    value = None{};
  }
  value = with_field_overrides(layer, decl, value);
  value = settled_config(value, layer);
  if (value.none() && given == nullptr) return value;
  const SourceSpan& span = given != nullptr ? given->span
                           : decl.default_value != nullptr
                               ? decl.default_value->span
                               : decl.name.span;
  check_choice_names_param(layer, decl, value, span);
  check_limits(*layer.type, decl, value, span, scope);
  return value;
}

// A text that is no choice but names a param was meant as that param.
void Elaborator::check_choice_names_param(LayerInstance& layer,
                                          const ParamDecl& decl,
                                          const Datum& value,
                                          const SourceSpan& span) {
  const Text* text = value.as<Text>();
  if (text == nullptr || !decl.choices || !layer.written_in) return;
  for (const YamlRef& choice : decl.choices->items) {
    if (choice->text == text->text) return;
  }
  if (!find_param_or_value(*layer.written_in, text->text)) return;
  fail("L0332", span,
       cat({"`", decl.name.text, "` gets the text '", text->text,
            "', which is none of its choices"}),
       cat({"`${", text->text, "}` is the value of the param `", text->text,
            "`"}));
}

Datum Elaborator::inherited(LayerInstance& layer, std::string_view name) {
  const bool index = name == "layer_index";
  layer.reads_index |= index;
  if (index && layer.item) return *layer.item;
  if (index && layer.parent == nullptr) return None{};
  if (layer.parent != nullptr) return builtin_param(*layer.parent, name);
  const SpecFile& spec = *layer.type->spec;
  for (const ValueDecl& decl : spec.defaults) {
    if (decl.name.text != name) continue;
    return read_value(*decl.value, builtin_type(name), {.layer = &layer},
                      cat({"`", name, "`"}));
  }
  if (name == "device") return make_text("auto");
  if (std::optional<DType> dtype = config_dtype(inputs_.config)) {
    return *dtype;
  }
  return *parse_dtype(default_dtype_of(spec));
}

Datum Elaborator::builtin_param(LayerInstance& layer, std::string_view name) {
  if (const ParamDecl* decl = layer.type->find_param(name)) {
    return param(layer, *decl);
  }
  LazyDatum& slot = layer.params[std::string(name)];
  if (slot.progress != Progress::kNotYet) return slot.value;
  slot.progress = Progress::kDone;
  try {
    const GivenField* given = layer.find_given(name);
    if (given == nullptr) {
      slot.value = inherited(layer, name);
    } else if (given->pending == nullptr) {
      slot.value = given->value;
    } else {
      slot.value = read_value(*given->pending, builtin_type(name),
                              {.layer = &layer}, cat({"`", name, "`"}));
    }
  } catch (const SpecError& error) {
    report(error);
  }
  return slot.value;
}

std::optional<Datum> Elaborator::find_param_or_value(LayerInstance& layer,
                                                     std::string_view name) {
  if (const ParamDecl* decl = layer.type->find_param(name)) {
    return param(layer, *decl);
  }
  if (is_builtin(name)) return builtin_param(layer, name);
  const auto value = layer.type->values.find(name);
  if (value == layer.type->values.end()) return std::nullopt;
  LazyDatum& slot = layer.values[std::string(name)];
  if (slot.progress == Progress::kDone) return slot.value;
  const ValueDecl& decl = *value->second;
  if (slot.progress == Progress::kNow) refuse_ring(decl.name);
  slot.progress = Progress::kNow;
  resolving_.push_back(decl.name.text);
  try {
    slot.value = read_untyped(*decl.value, {.layer = &layer});
  } catch (const SpecError& error) {
    report(error);
    slot.value = Unknown{};
  }
  resolving_.pop_back();
  slot.progress = Progress::kDone;
  return slot.value;
}

void Elaborator::check_asserts(const std::vector<AssertDecl>& asserts,
                               const Scope& scope) {
  Diagnostics failed;
  for (const AssertDecl& decl : asserts) {
    try {
      if (condition(*decl.that, scope, "an assertion", true)) continue;
      std::string message =
          cat({"the condition `", to_string(*decl.that), "` does not hold"});
      if (decl.message != nullptr) {
        message = interpolated(evaluate(*decl.message, scope));
      }
      failed.error("L0334", decl.that->span, std::move(message), "",
                   value_notes(*this, *decl.that, scope));
    } catch (const SpecError& error) {
      failed.add_all(error.diagnostics());
    }
  }
  failed.throw_if_errors();
}

Datum Elaborator::make_struct(const LayerType& type,
                              std::vector<GivenField> fields,
                              const SourceSpan& span) {
  Locals values;
  std::vector<std::string> defaulted;
  const Scope scope{.locals = &values};
  const auto field_value = [&](const ParamDecl& decl) -> Datum {
    const ParamTypeAst& wanted = param_type(type, decl);
    for (const GivenField& field : fields) {
      if (field.name != decl.name.text) continue;
      check_limits(type, decl, field.value, field.span, scope);
      return field.value;
    }
    defaulted.push_back(decl.name.text);
    if (decl.default_value != nullptr) {
      return read_value(*decl.default_value, wanted, scope,
                        "`" + decl.name.text + "`");
    }
    if (wanted.optional) return None{};
    if (has_unknown_field(type, fields)) return Unknown{};
    fail("L0212", span,
         cat({"this ", type.name, " needs the field `", decl.name.text, "`"}),
         decl.doc.empty() ? "" : decl.name.text + ": " + decl.doc);
  };
  for (const ParamDecl& decl : type.spec->params) {
    values.emplace_back(decl.name.text, field_value(decl));
  }
  try {
    if (!has_unknown_field(type, fields)) {
      check_asserts(type.spec->asserts, scope);
    }
  } catch (const SpecError& error) {
    // The condition stands in the library; the mistake is here.
    Diagnostic diagnostic = error.diagnostics().front();
    diagnostic.span = span;
    throw SpecError(std::move(diagnostic));
  }
  return std::shared_ptr<const DatumStruct>(
      std::make_shared<DatumStruct>(DatumStruct{type.name, values, std::move(defaulted)}));
}

}  // namespace lathe
