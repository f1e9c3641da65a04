// Values as fields of a file that read back to them: the inverse of
// read_value.cpp.

#include <algorithm>

#include "interpreter/elaborator.h"

namespace lathe {
namespace {

YamlRef make_node(YamlNode node) {
  return std::make_shared<const YamlNode>(std::move(node));
}

// In a field of type string `${` begins an expression.
std::string as_template(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "${") out += '$';
    out += text[i];
  }
  return out;
}

std::string as_expression(const std::string& text) {
  ExprAst literal;
  literal.kind = AstKind::kString;
  literal.text = text;
  return to_string(literal);
}

}  // namespace

YamlRef Elaborator::value_node(const Datum& datum, const ParamTypeAst& type) {
  if (const Text* text = datum.as<Text>()) {
    const bool plain = type.name == "string" || type.name == "device";
    return make_scalar(plain ? as_template(text->text)
                             : as_expression(text->text));
  }
  if (datum.layer() || datum.unknown()) return nullptr;
  if (const DatumList* list = datum.as<DatumList>()) {
    static const ParamTypeAst any{.name = "any"};
    YamlNode node{.kind = YamlKind::kSequence};
    for (const Datum& item : **list) {
      node.items.push_back(value_node(item, type.item ? *type.item : any));
      if (node.items.back() == nullptr) return nullptr;
    }
    return make_node(std::move(node));
  }
  if (const auto* fields = datum.as<std::shared_ptr<const DatumStruct>>()) {
    return struct_node(**fields, type);
  }
  return make_scalar(to_string(datum));
}

// Without the fields that have their defaults.
YamlRef Elaborator::struct_node(const DatumStruct& value,
                                const ParamTypeAst& type) {
  if (value.by_layer) return make_scalar("checkpoint");
  static const ParamTypeAst any{.name = "any"};
  const LayerType* of = find_struct(value.type);
  YamlNode node{.kind = YamlKind::kMapping};
  const auto put = [&](const std::string& name, YamlRef field) {
    node.entries.push_back({name, {}, std::move(field)});
  };
  const bool says_type = of != nullptr && type.name != value.type &&
                         of->find_param("type") == nullptr;
  if (says_type) put("type", make_scalar(value.type));
  for (const auto& [name, field] : value.fields) {
    const bool is_default = std::count(value.defaulted.begin(),
                                       value.defaulted.end(), name) > 0;
    if (is_default) continue;
    const ParamDecl* decl = of == nullptr ? nullptr : of->find_param(name);
    YamlRef written =
        value_node(field, decl == nullptr ? any : param_type(*of, *decl));
    if (written == nullptr) return nullptr;
    put(name, std::move(written));
  }
  return make_node(std::move(node));
}

}  // namespace lathe
