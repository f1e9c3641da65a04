// What a name means. The order is that of the language: names that the body
// assigned, layers, weights, params and values, dims; a dotted name is the
// longest declared one, then fields of it.

#include <algorithm>

#include "interpreter/elaborator.h"
#include "interpreter/plain_expression.h"
#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

// A list of layers in a param is made as soon as a body mentions it.
bool is_recipe_list(const Datum& datum) {
  const DatumList* list = datum.as<DatumList>();
  return list != nullptr && datum.layer();
}

std::optional<Datum> find_local(std::string_view name, const Scope& scope) {
  if (scope.frame != nullptr) {
    const auto it = scope.frame->names.find(name);
    if (it != scope.frame->names.end()) return it->second;
  }
  if (scope.locals == nullptr) return std::nullopt;
  for (const auto& [local, value] : *scope.locals) {
    if (local == name) return value;
  }
  return std::nullopt;
}

std::optional<Datum> find_layer(Elaborator& e, std::string_view name,
                                LayerInstance& layer) {
  const LayerDecl* decl = layer.type->find_layer(name);
  if (decl == nullptr) return std::nullopt;
  return e.declared_layer(layer, *decl);
}

bool is_state(const LayerInstance& layer, std::string_view name) {
  for (const StateDecl& state : layer.type->spec->state) {
    if (state.name.text == name) return true;
  }
  return false;
}

// Names of a layer as its body sees them.
std::optional<Datum> find_in_body(Elaborator& e, std::string_view name,
                                  const Scope& scope) {
  LayerInstance& layer = *scope.layer;
  if (std::optional<Datum> found = find_layer(e, name, layer)) return found;
  if (std::optional<Datum> found = e.find_weight(layer, name, {})) {
    return found;
  }
  if (is_state(layer, name)) return Datum(Unknown{});
  if (std::optional<Datum> found = e.find_param_or_value(layer, name)) {
    const ParamDecl* decl = layer.type->find_param(name);
    if (decl == nullptr || !is_recipe_list(*found)) return found;
    return e.param_layer(layer, *decl);
  }
  const auto dim = scope.frame->dims.find(name);
  if (dim == scope.frame->dims.end()) return std::nullopt;
  return Datum(dim->second);
}

// Names of a layer as its declarations see them.
std::optional<Datum> find_in_fields(Elaborator& e, std::string_view name,
                                    const Scope& scope) {
  LayerInstance& layer = *scope.layer;
  if (scope.layer_field) {
    // `mlp: {type: TransformerBlock, mlp: mlp}` hands the param on.
    const ParamDecl* decl = layer.type->find_param(name);
    const bool handed_on = decl != nullptr && decl->type &&
                           (decl->type->name == "layer" ||
                            decl->type->name == "list");
    if (!handed_on) {
      if (std::optional<Datum> found = find_layer(e, name, layer)) {
        return found;
      }
    }
  }
  if (std::optional<Datum> found = e.find_param_or_value(layer, name)) {
    return found;
  }
  if (std::optional<Datum> found = find_layer(e, name, layer)) return found;
  if (!scope.layer_field) return std::nullopt;
  const LayerType* type = e.find_type(*layer.type, name);
  if (type == nullptr) return std::nullopt;
  return Datum(std::shared_ptr<const LayerRecipe>(
      std::make_shared<LayerRecipe>(
          LayerRecipe{type, {}, {}, &layer})));
}

std::optional<Datum> find_whole(Elaborator& e, std::string_view name,
                                const Scope& scope) {
  if (std::optional<Datum> found = find_local(name, scope)) return found;
  if (scope.layer != nullptr) {
    std::optional<Datum> found = scope.frame != nullptr
                                     ? find_in_body(e, name, scope)
                                     : find_in_fields(e, name, scope);
    if (found) return found;
  }
  if (std::optional<DType> dtype = parse_dtype(name)) return Datum(*dtype);
  if (std::optional<double> number = float_constant(name)) return *number;
  return std::nullopt;
}

std::vector<std::string> field_names(const Datum& base) {
  std::vector<std::string> names;
  if (const auto* fields = base.as<std::shared_ptr<const DatumStruct>>()) {
    for (const auto& [name, value] : (*fields)->fields) names.push_back(name);
  } else if (LayerInstance* const* layer = base.as<LayerInstance*>()) {
    const LayerType& type = *(*layer)->type;
    for (const auto& [name, decl] : type.weights) names.emplace_back(name);
    for (const auto& [name, decl] : type.layers) names.emplace_back(name);
    for (const auto& [name, decl] : type.params) names.emplace_back(name);
  } else if (base.tensor()) {
    names = {"dtype", "shape", "rank"};
  }
  return names;
}

std::optional<Datum> tensor_field(const TensorType& type,
                                  std::string_view field) {
  if (field == "dtype") return Datum(type.dtype);
  if (field == "rank") return Datum(static_cast<int64_t>(type.shape.size()));
  if (field != "shape") return std::nullopt;
  return make_list(std::vector<Datum>(type.shape.begin(), type.shape.end()));
}

std::optional<Datum> layer_field(Elaborator& e, LayerInstance& layer,
                                 std::string_view field,
                                 const SourceSpan& span) {
  if (std::optional<Datum> weight = e.find_weight(layer, field, span)) {
    return weight;
  }
  if (std::optional<Datum> found = find_layer(e, field, layer)) return found;
  return e.find_param_or_value(layer, field);
}

std::optional<Datum> list_item(const std::vector<Datum>& list,
                               std::string_view field) {
  if (!is_digits(field) || field.size() > 6) return std::nullopt;
  const size_t index = std::stoul(std::string(field));
  if (index >= list.size()) return std::nullopt;
  return list[index];
}

}  // namespace

Datum Elaborator::field_of(const Datum& base, std::string_view field,
                           const SourceSpan& span) {
  if (base.unknown()) return base;
  std::optional<Datum> found;
  if (const auto* fields = base.as<std::shared_ptr<const DatumStruct>>()) {
    if (const Datum* value = (*fields)->find(field)) found = *value;
  } else if (const TensorRef* tensor = base.as<TensorRef>()) {
    found = tensor_field(model_.graph.type(tensor->id), field);
  } else if (LayerInstance* const* layer = base.as<LayerInstance*>()) {
    found = layer_field(*this, **layer, field, span);
  } else if (const DatumList* list = base.as<DatumList>()) {
    found = list_item(**list, field);
  }
  if (found) return *found;
  std::string help = did_you_mean(field, field_names(base));
  if (base.tensor() && OpRegistry::instance().find(field) != nullptr) {
    help = cat({"ops are functions: `", field, "(x, ...)`"});
  } else if (base.tensor() && help.empty()) {
    help = "a tensor has a dtype, a shape and a rank; all else are ops, which "
           "`lathe ops` lists";
  }
  fail("L0330", span,
       cat({described(base), " has nothing called `", field, "`"}), help);
}

std::optional<Datum> Elaborator::find_name(std::string_view name,
                                           const Scope& scope,
                                           const SourceSpan& span) {
  std::string_view head = name;
  while (true) {
    if (std::optional<Datum> found = find_whole(*this, head, scope)) {
      Datum value = std::move(*found);
      while (head.size() < name.size()) {
        const size_t begin = head.size() + 1;
        const size_t end = std::min(name.find('.', begin), name.size());
        value = field_of(value, name.substr(begin, end - begin), span);
        head = name.substr(0, end);
      }
      return value;
    }
    const size_t dot = head.rfind('.');
    if (dot == std::string_view::npos) return std::nullopt;
    head = head.substr(0, dot);
  }
}

std::vector<std::string> Elaborator::visible_names(const Scope& scope) {
  std::vector<std::string> names;
  if (scope.frame != nullptr) {
    for (const auto& [name, value] : scope.frame->names) names.push_back(name);
    for (const auto& [name, value] : scope.frame->dims) names.push_back(name);
  }
  if (scope.locals != nullptr) {
    for (const auto& [name, value] : *scope.locals) names.push_back(name);
  }
  if (scope.layer != nullptr) {
    const LayerType& type = *scope.layer->type;
    for (const auto& [name, decl] : type.params) names.emplace_back(name);
    for (const auto& [name, decl] : type.values) names.emplace_back(name);
    for (const auto& [name, decl] : type.layers) names.emplace_back(name);
    if (scope.frame != nullptr) {
      for (const auto& [name, decl] : type.weights) names.emplace_back(name);
    }
    if (scope.layer_field) {
      for (std::string& name : type_names(type)) names.push_back(name);
    }
    names.insert(names.end(), {"dtype", "device", "layer_index"});
  }
  for (const DTypeInfo& row : all_dtypes()) names.emplace_back(row.name);
  std::sort(names.begin(), names.end());
  return names;
}

namespace {

// True for texts that an op takes, as in activation(x, 'silu').
bool is_choice_of_an_op(std::string_view text) {
  const OpRegistry& registry = OpRegistry::instance();
  for (const auto& [name, op] : registry.all()) {
    for (const OpParam& param : registry.signature(op).params) {
      const std::vector<std::string>& choices = param.choices;
      if (std::count(choices.begin(), choices.end(), text) > 0) return true;
    }
  }
  return false;
}

}  // namespace

Datum Elaborator::resolve(const ExprAst& name, const Scope& scope) {
  if (std::optional<Datum> found = find_name(name.text, scope, name.span)) {
    return *found;
  }
  // One letter is as near to any other as can be.
  std::string help = name.text.size() < 2
                         ? ""
                         : did_you_mean(name.text, visible_names(scope));
  if (help.empty() && OpRegistry::instance().find(name.text) != nullptr) {
    help = cat({"`", name.text, "` is an op: call it, as `", name.text,
                "(...)`"});
  }
  if (is_choice_of_an_op(name.text)) {
    help += cat({help.empty() ? "" : "; ", "the text is in quotes: `'",
                 name.text, "'`"});
  }
  fail("L0330", name.span, cat({"nothing is called `", name.text, "` here"}),
       help);
}

}  // namespace lathe
