// Readers of what makes a spec configurable: import, params, presets, assert.
#include <algorithm>

#include "spec/lexer.h"
#include "spec/spec_reader.h"
#include "spec/suggest.h"

namespace lathe {
namespace {

const std::vector<std::string>& param_types() {
  static const std::vector<std::string> types = {
      "int",    "float", "bool", "string", "dtype",
      "device", "layer", "list", "map",    "any"};
  return types;
}

// What people write in other languages.
std::string familiar_type(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kFamiliar[] = {
      {"integer", "int"},  {"str", "string"},   {"boolean", "bool"},
      {"number", "float"}, {"double", "float"}, {"dict", "map"},
      {"object", "map"},   {"mapping", "map"},  {"array", "list"},
      {"tuple", "list"},   {"module", "layer"}};
  for (const auto& [from, to] : kFamiliar) {
    if (name == from) return std::string(to);
  }
  return nearest(name, param_types());
}

// Reads `name`, `list[type]` and `type?`.
class TypeParser {
 public:
  explicit TypeParser(const YamlNode& node) : lexer_(node, 0) {
    token_ = lexer_.next();
  }

  ParamTypeAst whole() {
    ParamTypeAst type = one(0);
    if (token_.kind != TokenKind::kEnd) wrong("the end of the type");
    return type;
  }

 private:
  ParamTypeAst one(int depth) {
    constexpr int kDeepest = 8;
    if (depth > kDeepest) {
      lexer_.fail("L0309", token_.begin, token_.end,
                  "the type is nested too deeply");
    }
    if (token_.kind != TokenKind::kName) wrong("a type");
    ParamTypeAst type;
    size_t begin = token_.begin;
    type.name = token_.text;
    check_known(type.name);
    token_ = lexer_.next();
    if (is("[")) {
      if (type.name != "list") wrong("the end of the type");
      token_ = lexer_.next();
      type.item = std::make_shared<ParamTypeAst>(one(depth + 1));
      if (!is("]")) wrong("`]`");
      token_ = lexer_.next();
    }
    if (is("?")) {
      type.optional = true;
      token_ = lexer_.next();
    }
    type.span = lexer_.node().span_of(begin, token_.begin);
    return type;
  }

  bool is(std::string_view op) const {
    return token_.kind == TokenKind::kOperator && token_.text == op;
  }

  void check_known(const std::string& name) const {
    const std::vector<std::string>& types = param_types();
    if (std::find(types.begin(), types.end(), name) != types.end()) return;
    // Struct types are capitalised, as layer types are.
    char first =
        name[name.rfind('.') == std::string::npos ? 0 : name.rfind('.') + 1];
    if (first >= 'A' && first <= 'Z') return;
    std::string meant = familiar_type(name);
    lexer_.fail("L0308", token_.begin, token_.end,
                cat({"there is no param type ", backquoted(name)}),
                meant.empty() ? cat({"the types are: ", join(types, ", "),
                                     ", and struct types"})
                              : cat({"did you mean `", meant, "`?"}));
  }

  [[noreturn]] void wrong(const std::string& wanted) const {
    std::string_view text = lexer_.node().text;
    lexer_.fail("L0308", token_.begin, token_.end,
                token_.kind == TokenKind::kEnd
                    ? cat({"the text ends where ", wanted, " should stand"})
                    : cat({backquoted(text.substr(token_.begin,
                                                  token_.end - token_.begin)),
                           " stands where ", wanted, " should"}));
  }

  Lexer lexer_;
  Token token_;
};

std::optional<ParamTypeAst> read_type(SpecReader& reader,
                                      const YamlNode& node) {
  if (!reader.expect(node, YamlKind::kScalar, "the type of a param",
                     "type: int")) {
    return std::nullopt;
  }
  try {
    return TypeParser(node).whole();
  } catch (SyntaxError& error) {
    reader.diagnostics().add(std::move(error.diagnostic));
    return std::nullopt;
  }
}

void read_declared(SpecReader& reader, const YamlNode& node, ParamDecl& param) {
  std::string what = cat({"the param `", param.name.text, "`"});
  bool known = reader.check_keys(
      node, what,
      {"type", "default", "min", "max", "choices", "from", "prefix", "doc"});
  YamlRef type = reader.get(node, "type");
  if (type != nullptr) param.type = read_type(reader, *type);
  param.default_value = reader.get(node, "default");
  param.min = reader.get(node, "min");
  param.max = reader.get(node, "max");
  for (const char* key : {"min", "max"}) reader.expression(node, key);
  param.choices = reader.get(node, "choices");
  if (param.choices != nullptr) {
    bool list =
        reader.expect(*param.choices, YamlKind::kSequence,
                      cat({"`choices` of ", what}), "choices: [a, b]");
    if (list && param.choices->items.empty()) {
      reader.error("L0204", param.choices->span,
                   cat({what, " has no choices"}),
                   "write `choices: [a, b]`, or leave it out");
    }
  }
  if (YamlRef from = reader.get(node, "from")) {
    param.from = reader.names(*from, cat({"`from` of ", what}));
  }
  if (YamlRef prefix = reader.get(node, "prefix")) {
    if (prefix->is_scalar()) param.prefix = Name{prefix->text, prefix->span};
  }
  param.doc = reader.text(node, "doc", cat({"`doc` of ", what}));
  if (known && type == nullptr && param.default_value == nullptr) {
    reader.error("L0204", param.name.span,
                 cat({what, " has neither a type nor a default"}),
                 "give it a `type`, for example `type: int`");
  }
}

}  // namespace

std::vector<ImportDecl> read_imports(SpecReader& reader, const YamlNode& node) {
  std::vector<ImportDecl> out;
  if (node.is_mapping()) {
    reader.entries(node, "`import`", NameRule::kIdentifier, "an import",
                   [&](const Name& name, const YamlRef& value) {
                     auto path = reader.scalar_name(
                         *value, cat({"the import `", name.text, "`"}));
                     if (path) out.push_back({name, *path});
                   });
    return out;
  }
  for (const Name& path : reader.names(node, "`import`")) {
    out.push_back({std::nullopt, path});
  }
  return out;
}

std::vector<ParamDecl> read_params(SpecReader& reader, const YamlNode& node) {
  std::vector<ParamDecl> out;
  reader.entries(node, "`params`", NameRule::kIdentifier, "a param",
                 [&](const Name& name, const YamlRef& value) {
                   ParamDecl param;
                   param.name = name;
                   if (value->is_mapping()) {
                     read_declared(reader, *value, param);
                   } else if (value->is_empty()) {
                     reader.error("L0204", name.span,
                                  cat({"the param `", name.text,
                                       "` has neither a type nor a default"}),
                                  cat({"write `", name.text,
                                       ": {type: int}`, or give it "
                                       "a default"}));
                   } else {
                     param.default_value = value;
                   }
                   out.push_back(std::move(param));
                 });
  return out;
}

std::vector<PresetDecl> read_presets(SpecReader& reader, const YamlNode& node) {
  std::vector<PresetDecl> out;
  reader.entries(
      node, "`presets`", NameRule::kIdentifier, "a preset",
      [&](const Name& name, const YamlRef& value) {
        out.push_back(
            {name, reader.values(*value, cat({"the preset `", name.text, "`"}),
                                 NameRule::kIdentifier, "a param")});
      });
  return out;
}

std::vector<AssertDecl> read_asserts(SpecReader& reader, const YamlNode& node) {
  std::vector<AssertDecl> out;
  if (node.is_empty()) return out;
  if (!reader.expect(node, YamlKind::kSequence, "`assert`",
                     "assert: [{that: a > b, message: ...}]")) {
    return out;
  }
  for (const YamlRef& item : node.items) {
    AssertDecl one;
    one.span = item->span;
    if (item->is_scalar()) {
      one.that = parse_expression(*item, reader.diagnostics());
    } else if (reader.expect(*item, YamlKind::kMapping, "an assertion",
                             "{that: a > b, message: ...}")) {
      const bool known =
          reader.check_keys(*item, "an assertion", {"that", "message"});
      one.that = reader.expression(*item, "that");
      if (known && reader.get(*item, "that") == nullptr) {
        reader.error("L0204", item->span, "the assertion has no `that`");
      }
      if (YamlRef message = reader.get(*item, "message")) {
        one.message = parse_template(*message, reader.diagnostics());
      }
    }
    if (one.that != nullptr) out.push_back(std::move(one));
  }
  return out;
}

std::string to_string(const ParamTypeAst& type) {
  std::string text = type.name;
  if (type.item != nullptr) text += cat({"[", to_string(*type.item), "]"});
  return type.optional ? text + "?" : text;
}

}  // namespace lathe
