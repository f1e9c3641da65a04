// Readers of what a spec declares: inputs, layers, weights and state.
#include "spec/spec_reader.h"

namespace lathe {
namespace {

// What inputs, weights and state have in common: a tensor type, alone or as
// the `type` of a mapping with the keys given. Null if there is none.
struct TensorDecl {
  std::optional<TensorTypeAst> type;
  YamlRef mapping;  // null if the type stands alone
};

TensorDecl read_tensor(SpecReader& reader, const YamlRef& node,
                       const std::string& what,
                       const std::vector<std::string>& keys) {
  TensorDecl out;
  YamlRef type = node;
  if (node->is_mapping()) {
    out.mapping = node;
    const bool known = reader.check_keys(*node, what, keys);
    type = reader.get(*node, "type");
    if (type == nullptr && !known) return out;
    if (type == nullptr) {
      SourceSpan opening = node->span;
      opening.end = opening.begin + 1;
      reader.error("L0204", opening, cat({what, " has no `type`"}),
                   "write `type: \"float32[...]\"`");
      return out;
    }
  }
  if (type->is_empty() || type->is_sequence()) {
    reader.expect(*type, YamlKind::kScalar, cat({"the type of ", what}),
                  "float32[B, 64]");
    return out;
  }
  out.type = parse_tensor_type(*type, reader.diagnostics());
  return out;
}

// The fields that every layer has; all others are params of its type.
bool is_reserved_field(std::string_view key) {
  return key == "type" || key == "when" || key == "repeat" || key == "index";
}

void read_repeat(SpecReader& reader, const YamlNode& node, LayerDecl& layer) {
  layer.when = reader.expression(node, "when");
  layer.repeat = reader.expression(node, "repeat");
  const YamlEntry* index = node.find("index");
  if (index == nullptr) return;
  if (auto name = reader.scalar_name(*index->value, "`index`")) {
    if (reader.check_name(*name, NameRule::kIdentifier, "an index")) {
      layer.index = *name;
    }
  }
  if (reader.get(node, "repeat") == nullptr) {
    reader.error("L0208", index->key_span,
                 "`index` has no meaning without `repeat`",
                 "add `repeat: n`, or remove `index`");
  }
}

}  // namespace

std::vector<InputDecl> read_inputs(SpecReader& reader, const YamlNode& node) {
  std::vector<InputDecl> out;
  reader.entries(
      node, "`inputs`", NameRule::kIdentifier, "an input",
      [&](const Name& name, const YamlRef& value) {
        std::string what = cat({"the input `", name.text, "`"});
        TensorDecl tensor =
            read_tensor(reader, value, what, {"type", "default", "doc"});
        InputDecl input;
        input.name = name;
        if (tensor.mapping != nullptr) {
          input.default_value = reader.get(*tensor.mapping, "default");
          input.doc =
              reader.text(*tensor.mapping, "doc", cat({"`doc` of ", what}));
        }
        if (!tensor.type) return;
        input.type = std::move(*tensor.type);
        out.push_back(std::move(input));
      });
  return out;
}

// `weights` and `state` declare tensors with the same fields; `what` is
// "weight" or "state".
template <typename Decl>
std::vector<Decl> read_stored(SpecReader& reader, const YamlNode& node,
                              const char* section, NameRule rule,
                              const std::string& what) {
  std::vector<Decl> out;
  reader.entries(node, section, rule, cat({"a ", what}),
                 [&](const Name& name, const YamlRef& value) {
                   const std::string which =
                       cat({"the ", what, " `", name.text, "`"});
                   TensorDecl tensor = read_tensor(
                       reader, value, which, {"type", "when", "init", "doc"});
                   Decl decl;
                   decl.name = name;
                   if (tensor.mapping != nullptr) {
                     decl.when = reader.expression(*tensor.mapping, "when");
                     decl.init = reader.get(*tensor.mapping, "init");
                     decl.doc = reader.text(*tensor.mapping, "doc",
                                            cat({"`doc` of ", which}));
                   }
                   if (!tensor.type) return;
                   decl.type = std::move(*tensor.type);
                   out.push_back(std::move(decl));
                 });
  return out;
}

std::vector<WeightDecl> read_weights(SpecReader& reader, const YamlNode& node) {
  return read_stored<WeightDecl>(reader, node, "`weights`", NameRule::kPath,
                                 "weight");
}

std::vector<StateDecl> read_state(SpecReader& reader, const YamlNode& node) {
  return read_stored<StateDecl>(reader, node, "`state`", NameRule::kIdentifier,
                                "state");
}

std::optional<LayerDecl> read_layer(SpecReader& reader, const Name& name,
                                    const YamlRef& node) {
  std::string what =
      name.text.empty() ? "a layer" : cat({"the layer `", name.text, "`"});
  LayerDecl layer;
  layer.name = name;
  layer.span = node->span;
  YamlRef type = node;
  if (!node->is_scalar()) {
    if (!reader.expect(*node, YamlKind::kMapping, what,
                       "{type: Linear, ...}")) {
      return std::nullopt;
    }
    read_repeat(reader, *node, layer);
    for (const YamlEntry& entry : node->entries) {
      if (is_user_key(entry.key) || is_reserved_field(entry.key)) continue;
      Name field = {entry.key, entry.key_span};
      if (reader.check_name(field, NameRule::kIdentifier, "a param")) {
        layer.fields.push_back({field, entry.value});
      }
    }
    type = reader.get(*node, "type");
    if (type == nullptr) {
      reader.error("L0204",
                   name.text.empty()
                       ? SourceSpan{node->span.file, node->span.begin,
                                    node->span.begin + 1}
                       : name.span,
                   cat({what, " has no `type`"}),
                   "every layer says what it is: `type: Linear`");
      return std::nullopt;
    }
  }
  auto type_name = reader.scalar_name(*type, cat({"the type of ", what}));
  if (!type_name ||
      !reader.check_name(*type_name, NameRule::kType, "a layer type")) {
    return std::nullopt;
  }
  layer.type = *type_name;
  return layer;
}

std::vector<LayerDecl> read_layers(SpecReader& reader, const YamlNode& node) {
  std::vector<LayerDecl> out;
  reader.entries(node, "`layers`", NameRule::kPath, "a layer",
                 [&](const Name& name, const YamlRef& value) {
                   if (auto layer = read_layer(reader, name, value)) {
                     out.push_back(std::move(*layer));
                   }
                 });
  return out;
}

std::optional<LayerDecl> parse_layer(const Name& name, const YamlRef& node,
                                     Diagnostics& diagnostics) {
  SpecReader reader(diagnostics);
  return read_layer(reader, name, node);
}

}  // namespace lathe
