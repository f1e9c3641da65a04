// The canonical YAML of a SpecFile: sections in the order of the language,
// expressions and types in their canonical text.
#include "spec/ast.h"
#include "spec/text.h"

namespace lathe {
namespace {

using Node = std::shared_ptr<YamlNode>;

Node mapping() {
  auto node = std::make_shared<YamlNode>();
  node->kind = YamlKind::kMapping;
  return node;
}

Node sequence() {
  auto node = std::make_shared<YamlNode>();
  node->kind = YamlKind::kSequence;
  return node;
}

void put(const Node& node, const std::string& key, YamlRef value) {
  if (value != nullptr) node->entries.push_back({key, {}, std::move(value)});
}

// Texts that are empty are left out.
void put_text(const Node& node, const std::string& key,
              const std::string& text) {
  if (!text.empty()) put(node, key, make_scalar(text));
}

void put_expr(const Node& node, const std::string& key, const ExprRef& expr) {
  if (expr != nullptr) put(node, key, make_scalar(to_string(*expr)));
}

// Collections that are empty are left out.
void put_section(const Node& node, const std::string& key, const Node& value) {
  if (!value->entries.empty() || !value->items.empty()) put(node, key, value);
}

Node names_node(const std::vector<Name>& names) {
  Node out = sequence();
  for (const Name& name : names) out->items.push_back(make_scalar(name.text));
  return out;
}

Node values_node(const std::vector<ValueDecl>& values) {
  Node out = mapping();
  for (const ValueDecl& value : values) put(out, value.name.text, value.value);
  return out;
}

// A mapping with nothing but `key` is written as its value.
YamlRef shortened(const Node& node, std::string_view key) {
  bool alone = node->entries.size() == 1 && node->entries[0].key == key;
  return alone ? node->entries[0].value : node;
}

Node imports_node(const std::vector<ImportDecl>& imports) {
  bool prefixed = !imports.empty() && imports.front().prefix.has_value();
  Node out = prefixed ? mapping() : sequence();
  for (const ImportDecl& import : imports) {
    if (prefixed) {
      put_text(out, import.prefix->text, import.path.text);
    } else {
      out->items.push_back(make_scalar(import.path.text));
    }
  }
  return out;
}

YamlRef param_node(const ParamDecl& param) {
  Node out = mapping();
  if (param.type) put_text(out, "type", to_string(*param.type));
  put_section(out, "from", names_node(param.from));
  put(out, "default", param.default_value);
  put(out, "min", param.min);
  put(out, "max", param.max);
  put(out, "choices", param.choices);
  if (param.prefix) put(out, "prefix", make_scalar(param.prefix->text));
  put_text(out, "doc", param.doc);
  // Only a default that is no mapping may stand alone.
  bool plain = param.default_value != nullptr &&
               !param.default_value->is_mapping() &&
               !param.default_value->is_empty();
  return plain ? shortened(out, "default") : out;
}

Node asserts_node(const std::vector<AssertDecl>& asserts) {
  Node out = sequence();
  for (const AssertDecl& one : asserts) {
    Node node = mapping();
    put_expr(node, "that", one.that);
    if (one.message != nullptr) {
      bool plain = one.message->kind == AstKind::kString;
      ExprAst whole;
      whole.kind = AstKind::kTemplate;
      whole.args = {one.message};
      put(node, "message",
          make_scalar(to_string(plain ? whole : *one.message)));
    }
    out->items.push_back(shortened(node, "that"));
  }
  return out;
}

YamlRef input_node(const InputDecl& input) {
  Node out = mapping();
  put_text(out, "type", to_string(input.type));
  put(out, "default", input.default_value);
  put_text(out, "doc", input.doc);
  return shortened(out, "type");
}

YamlRef layer_node(const LayerDecl& layer) {
  Node out = mapping();
  put_text(out, "type", layer.type.text);
  put_expr(out, "when", layer.when);
  put_expr(out, "repeat", layer.repeat);
  put_text(out, "index", layer.index.text);
  for (const ValueDecl& field : layer.fields) {
    put(out, field.name.text, field.value);
  }
  return out;
}

template <typename Decl>
YamlRef stored_node(const Decl& decl) {
  Node out = mapping();
  put_text(out, "type", to_string(decl.type));
  put_expr(out, "when", decl.when);
  put(out, "init", decl.init);
  put_text(out, "doc", decl.doc);
  return shortened(out, "type");
}

Node body_node(const std::vector<StatementAst>& body);

YamlRef statement_node(const StatementAst& statement) {
  Node out = mapping();
  switch (statement.kind) {
    case StatementKind::kAssign:
      return make_scalar(to_string(statement.assign));
    case StatementKind::kFor:
      put_text(out, "for", statement.loop->variable.text);
      put_expr(out, "in", statement.loop->range);
      put(out, "body", body_node(statement.loop->body));
      return out;
    case StatementKind::kIf:
      put_expr(out, "if", statement.branch->condition);
      put(out, "then", body_node(statement.branch->then_body));
      put_section(out, "else", body_node(statement.branch->else_body));
      return out;
  }
  return out;
}

Node body_node(const std::vector<StatementAst>& body) {
  Node out = sequence();
  for (const StatementAst& statement : body) {
    out->items.push_back(statement_node(statement));
  }
  return out;
}

Node checkpoint_node(const CheckpointDecl& checkpoint) {
  Node out = mapping();
  if (checkpoint.path) put_text(out, "path", checkpoint.path->text);
  Node ties = mapping();
  for (const TieDecl& tie : checkpoint.ties) {
    put_text(ties, tie.target.text, tie.source.text);
  }
  put_section(out, "tie", ties);
  put_section(out, "ignore", names_node(checkpoint.ignore));
  put(out, "init", checkpoint.init);
  Node load = sequence();
  for (const LoadRule& rule : checkpoint.load) load->items.push_back(rule.rule);
  put_section(out, "load", load);
  return out;
}

Node tests_node(const std::vector<TestDecl>& tests) {
  Node out = sequence();
  for (const TestDecl& test : tests) {
    Node node = mapping();
    if (test.name) put_text(node, "name", test.name->text);
    put(node, "preset", test.preset);
    put_section(node, "params", values_node(test.params));
    put_section(node, "dims", values_node(test.dims));
    put_section(node, "inputs", values_node(test.inputs));
    put_section(node, "weights", values_node(test.weights));
    put(node, "expect", test.expect);
    out->items.push_back(node);
  }
  return out;
}

// name -> what `print` makes of the declaration.
template <typename Decl, typename Print>
Node declared(const std::vector<Decl>& decls, Print print) {
  Node out = mapping();
  for (const Decl& decl : decls) put(out, decl.name.text, print(decl));
  return out;
}

const char* kind_key(SpecKind kind) {
  switch (kind) {
    case SpecKind::kModel:
      return "model";
    case SpecKind::kLayer:
      return "layer";
    case SpecKind::kStruct:
      return "struct";
  }
  return "";
}

}  // namespace

std::string to_yaml(const SpecFile& spec) {
  Node out = mapping();
  put_text(out, "lathe", "1");
  put_text(out, kind_key(spec.kind), spec.name.text);
  put_text(out, "doc", spec.doc);
  put_section(out, "aliases", names_node(spec.aliases));
  put_section(out, "architectures", names_node(spec.architectures));
  put_section(out, "import", imports_node(spec.imports));
  if (spec.config) put_text(out, "config", spec.config->text);
  put_section(out, "defaults", values_node(spec.defaults));
  put_section(out, "params", declared(spec.params, param_node));
  put_section(out, "presets",
              declared(spec.presets, [](const PresetDecl& preset) {
                return values_node(preset.params);
              }));
  put_section(out, "values", values_node(spec.values));
  put_section(out, "assert", asserts_node(spec.asserts));
  put_section(out, "inputs", declared(spec.inputs, input_node));
  put_section(out, "layers", declared(spec.layers, layer_node));
  put_section(out, "weights", declared(spec.weights, stored_node<WeightDecl>));
  put_section(out, "state", declared(spec.state, stored_node<StateDecl>));
  put_section(out, "body", body_node(spec.body));
  Node outputs = mapping();
  for (const OutputDecl& output : spec.outputs) {
    put_expr(outputs, output.name.text, output.value);
  }
  put_section(out, "outputs", outputs);
  put(out, "kernel", spec.kernel);
  if (spec.checkpoint)
    put(out, "checkpoint", checkpoint_node(*spec.checkpoint));
  put_section(out, "test", tests_node(spec.tests));
  return to_yaml(*out);
}

}  // namespace lathe
