// Values as fields of a file: the type of the field decides what a scalar
// means, never YAML's own guess.

#include "interpreter/elaborator.h"
#include "interpreter/plain_expression.h"
#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

const ParamTypeAst& item_type(const ParamTypeAst& list) {
  static const ParamTypeAst any{.name = "any"};
  return list.item == nullptr ? any : *list.item;
}

bool is_constant(std::string_view word) {
  return is_reserved(word) || parse_dtype(word).has_value() ||
         float_constant(word).has_value();
}

bool names_none(const YamlNode& node) {
  return node.is_empty() ||
         (node.is_scalar() && (node.text == "none" || node.text == "None"));
}

bool is_device(std::string_view text) {
  return text == "cpu" || text == "cuda" || text == "auto" ||
         text == "reference" || text.rfind("cuda:", 0) == 0;
}

// A word that names nothing where a bool or a device should stand.
void refuse_word(const YamlNode& node, const std::string& type,
                 const std::string& what) {
  fail("L0331", node.span,
       cat({what, " wants a ", type, " and gets the text '", node.text, "'"}),
       type == "bool" ? "a bool is `true` or `false`"
                      : "the devices are `cpu`, `cuda`, `cuda:N`, `auto` and "
                        "`reference`");
}

// The value of a scalar in a string field.
Datum read_string(Elaborator& e, const YamlNode& node, const Scope& scope,
                  const std::string& what) {
  if (!node.is_scalar()) {
    fail("L0331", node.span,
         cat({what, " wants a text and gets ", kind_name(node.kind)}));
  }
  Diagnostics diagnostics;
  const ExprRef parsed = parse_template(node, diagnostics);
  diagnostics.throw_if_errors();
  const Datum value = e.evaluate(*parsed, scope);
  if (value.unknown() || value.none() || value.is<Text>()) return value;
  return make_text(interpolated(value));
}

// `layers: [a, {type: B}, "c if x else d"]`, or one layer with `repeat`.
Datum read_layers(Elaborator& e, const YamlNode& node, const Scope& scope,
                  const std::string& what) {
  std::vector<Datum> layers;
  const auto add = [&](const YamlNode& item) {
    if (item.is_mapping()) {
      Diagnostics diagnostics;
      const std::optional<LayerDecl> decl = parse_layer(
          Name{}, std::make_shared<YamlNode>(item), diagnostics);
      diagnostics.throw_if_errors();
      for (Datum& recipe : e.recipes_of(*decl, scope)) {
        layers.push_back(std::move(recipe));
      }
      return;
    }
    Datum value = e.evaluate(*e.expression_of(item), scope);
    if (const DatumList* list = value.as<DatumList>()) {
      layers.insert(layers.end(), (*list)->begin(), (*list)->end());
    } else {
      layers.push_back(std::move(value));
    }
  };
  if (node.is_sequence()) {
    for (const YamlRef& item : node.items) add(*item);
  } else {
    add(node);
  }
  for (const Datum& layer : layers) {
    if (layer.unknown()) return layer;
    if (layer.layer()) continue;
    fail("L0331", node.span,
         cat({what, " wants layers and gets ", described(layer)}));
  }
  return make_list(std::move(layers));
}

Datum read_layer(Elaborator& e, const YamlNode& node, const Scope& scope,
                 const std::string& what) {
  Scope inner = scope;
  inner.layer_field = true;
  if (!node.is_mapping()) {
    if (node.is_sequence()) {
      fail("L0331", node.span, what + " wants one layer and gets a list");
    }
    return e.evaluate(*e.expression_of(node), inner);
  }
  Diagnostics diagnostics;
  const std::optional<LayerDecl> decl =
      parse_layer(Name{}, std::make_shared<YamlNode>(node), diagnostics);
  diagnostics.throw_if_errors();
  std::vector<Datum> recipes = e.recipes_of(*decl, inner);
  if (recipes.size() == 1) return recipes[0];
  if (recipes.empty()) return None{};
  fail("L0331", node.span, what + " wants one layer and gets a list");
}

Datum read_list(Elaborator& e, const YamlNode& node, const ParamTypeAst& type,
                const Scope& scope, const std::string& what) {
  const ParamTypeAst& item = item_type(type);
  if (item.name == "layer") {
    Scope inner = scope;
    inner.layer_field = true;
    return read_layers(e, node, inner, what);
  }
  if (!node.is_sequence()) {
    return e.evaluate(*e.expression_of(node), scope);
  }
  std::vector<Datum> items;
  for (const YamlRef& entry : node.items) {
    items.push_back(e.read_value(*entry, item, scope, what));
  }
  return make_list(std::move(items));
}

// The fields of a mapping that is a struct of a known type.
Datum read_struct(Elaborator& e, const YamlNode& node, const LayerType& type,
                  const Scope& scope) {
  std::vector<ValueDecl> fields;
  for (const YamlEntry& entry : node.entries) {
    if (entry.key == "type" && type.find_param("type") == nullptr) continue;
    fields.push_back({{entry.key, entry.key_span}, entry.value});
  }
  return e.make_struct(
      type, e.read_fields(type, fields, scope, type.name), node.span);
}

Datum read_map(Elaborator& e, const YamlNode& node, const Scope& scope) {
  auto fields = std::make_shared<DatumStruct>();
  for (const YamlEntry& entry : node.entries) {
    fields->fields.emplace_back(entry.key,
                                e.read_untyped(*entry.value, scope));
  }
  return std::shared_ptr<const DatumStruct>(std::move(fields));
}

// A mapping in an untyped place: `type:` says a struct or a layer.
Datum read_untyped_mapping(Elaborator& e, const YamlNode& node,
                           const Scope& scope) {
  const YamlEntry* type = node.find("type");
  if (type == nullptr || !type->value->is_scalar()) {
    return read_map(e, node, scope);
  }
  const LayerType* found = e.find_struct(type->value->text);
  if (found != nullptr) return read_struct(e, node, *found, scope);
  return read_layer(e, node, scope, "this");
}

std::shared_ptr<const BareWord> bare_word(Elaborator& e, const YamlNode& node,
                                          const Scope& scope) {
  auto word = std::make_shared<BareWord>();
  word->span = node.span;
  word->suggestion = did_you_mean(node.text, e.visible_names(scope));
  return word;
}

}  // namespace

ExprRef Elaborator::expression_of(const YamlNode& node) {
  const auto it = expressions_.find(&node);
  if (it != expressions_.end()) return it->second;
  if (!node.is_scalar()) {
    fail("L0331", node.span,
         cat({"this wants an expression and gets ", kind_name(node.kind)}));
  }
  Diagnostics diagnostics;
  const ExprRef parsed = parse_expression(node, diagnostics);
  diagnostics.throw_if_errors();
  expressions_.emplace(&node, parsed);
  return parsed;
}

bool Elaborator::names_value(std::string_view word, const Scope& scope) {
  if (scope.locals != nullptr) {
    for (const auto& [name, value] : *scope.locals) {
      if (name == word) return true;
    }
  }
  return scope.layer != nullptr &&
         find_param_or_value(*scope.layer, word).has_value();
}

Datum Elaborator::read_untyped(const YamlNode& node, const Scope& scope) {
  if (node.is_mapping()) return read_untyped_mapping(*this, node, scope);
  if (node.is_sequence()) {
    std::vector<Datum> items;
    for (const YamlRef& item : node.items) {
      items.push_back(read_untyped(*item, scope));
    }
    return make_list(std::move(items));
  }
  if (node.is_empty()) return None{};
  const bool word = is_identifier(node.text) && !is_constant(node.text);
  if (word && !names_value(node.text, scope)) {
    return Text{node.text, bare_word(*this, node, scope)};
  }
  return evaluate(*expression_of(node), scope);
}

Datum Elaborator::read_value(const YamlNode& node, const ParamTypeAst& type,
                             const Scope& scope, const std::string& what) {
  Datum value;
  const LayerType* struct_type =
      node.is_mapping() ? find_struct(type.name) : nullptr;
  if (type.optional && names_none(node)) {
    value = None{};
  } else if (node.text == "checkpoint" && find_struct(type.name)) {
    value = checkpoint_config(*find_struct(type.name), node.span, what);
    if (value.none()) return value;
  } else if (type.name == "string") {
    value = read_string(*this, node, scope, what);
  } else if (type.name == "layer") {
    value = read_layer(*this, node, scope, what);
  } else if (type.name == "list") {
    value = read_list(*this, node, type, scope, what);
  } else if (type.name == "any" || (type.name == "map" && node.is_mapping())) {
    value = read_untyped(node, scope);
  } else if (struct_type != nullptr) {
    value = read_struct(*this, node, *struct_type, scope);
  } else if (type.name == "device" && is_device(node.text)) {
    value = make_text(node.text);
  } else if (!node.is_scalar() || node.is_empty()) {
    fail("L0331", node.span,
         cat({what, " wants ", to_string(type), " and gets ",
              node.is_empty() ? "nothing" : kind_name(node.kind)}));
  } else if ((type.name == "bool" || type.name == "device") &&
             is_identifier(node.text) && !is_constant(node.text) &&
             !names_value(node.text, scope)) {
    refuse_word(node, type.name, what);
  } else {
    value = evaluate(*expression_of(node), scope);
  }
  return convert_value(value, type, node.span, what);
}

}  // namespace lathe
