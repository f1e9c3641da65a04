// Declared layers: from an entry of `layers:`, or a layer written in a field,
// to instances with a path.

#include <algorithm>

#include "interpreter/elaborator.h"
#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

using RecipeRef = std::shared_ptr<const LayerRecipe>;

// What a layer's path has of its own: its name, or the field `prefix`, unless
// that is a param of its type.
std::string own_path(const LayerRecipe& recipe, const std::string& name) {
  if (recipe.type->find_param("prefix") != nullptr) return name;
  for (const GivenField& field : recipe.fields) {
    const Text* text = field.value.as<Text>();
    if (field.name == "prefix" && text != nullptr) return text->text;
  }
  return name;
}

bool holds_layers(const ParamTypeAst& type) {
  const bool list = type.name == "list" && type.item != nullptr &&
                    type.item->name == "layer";
  return type.name == "layer" || list;
}

// `ndex: i` is reported as an unknown field; the other fields may use `i`.
void add_misspelt_index(const Datum& base, const LayerDecl& decl,
                        Locals& locals) {
  const RecipeRef* recipe = base.as<RecipeRef>();
  if (recipe == nullptr) return;
  for (const ValueDecl& field : decl.fields) {
    if ((*recipe)->type->find_param(field.name.text) != nullptr) continue;
    if (nearest(field.name.text, {"index"}).empty()) continue;
    locals.emplace_back(field.value->text, Unknown{});
  }
}

// A layer file that contains itself has no end.
void refuse_recursion(const LayerType& type, const LayerInstance* written_in,
                      const SourceSpan& span) {
  std::vector<std::string> chain = {type.name};
  for (const LayerInstance* at = written_in; at; at = at->written_in) {
    chain.insert(chain.begin(), at->type->name);
    if (at->type != &type) continue;
    std::string ring;
    for (const std::string& name : chain) {
      ring += (ring.empty() ? "" : " -> ") + name;
    }
    fail("L0341", span, cat({"the layer type ", type.name,
                             " contains itself"}),
         "", {ring});
  }
}

}  // namespace

std::string shown_name(const LayerInstance& layer) {
  return cat({"`", layer.name.empty() ? layer.type->name : layer.name, "`"});
}

std::string joined_path(std::string_view parent, std::string_view name) {
  const bool both = !parent.empty() && !name.empty();
  return cat({parent, both ? "." : "", name});
}

// What `type: name` stands for: recipes, or layers that exist already.
std::vector<Datum> Elaborator::bases_of(const Name& name, const Scope& scope) {
  LayerInstance& layer = *scope.layer;
  const ParamDecl* decl = layer.type->find_param(name.text);
  if (decl != nullptr && holds_layers(param_type(*layer.type, *decl))) {
    const Datum value = param(layer, *decl);
    if (value.unknown()) return {value};
    if (const DatumList* list = value.as<DatumList>()) return **list;
    if (value.layer()) return {value};
    fail("L0210", name.span,
         cat({"the param `", name.text, "` is ", described(value),
              ", so there is no layer to make"}));
  }
  const LayerType* type = find_type(*layer.type, name.text);
  if (type == nullptr) {
    const std::string help = did_you_mean(name.text, type_names(*layer.type));
    // It may be what the missing file declares.
    if (layer.type->lacks_imports && help.empty()) return {Unknown{}};
    fail("L0210", name.span, cat({"there is no layer type `", name.text, "`"}),
         help);
  }
  refuse_recursion(*type, &layer, name.span);
  return {RecipeRef(std::make_shared<LayerRecipe>(
      LayerRecipe{type, {}, name.span, &layer}))};
}

// The base with the fields of one declaration; they win over the base's.
Datum Elaborator::with_fields(const Datum& base, const LayerDecl& decl,
                              const Scope& scope) {
  const RecipeRef* recipe = base.as<RecipeRef>();
  if (recipe == nullptr) {
    if (decl.fields.empty() || base.unknown()) return base;
    fail("L0211", decl.fields[0].name.span,
         cat({"`", decl.type.text, "` is the layer `", to_string(base),
              "`, which has its fields already"}));
  }
  auto result = std::make_shared<LayerRecipe>(**recipe);
  result->fields =
      read_fields(*result->type, decl.fields, scope, result->type->name);
  // What the layer is with the field that was meant, nobody knows.
  if (has_unknown_field(*result->type, result->fields)) return Unknown{};
  for (const GivenField& field : (*recipe)->fields) {
    result->fields.push_back(field);
  }
  result->span = decl.span;
  return RecipeRef(std::move(result));
}

int64_t Elaborator::repeat_count(const LayerDecl& decl, const Scope& scope) {
  const Datum count = evaluate(*decl.repeat, scope);
  if (count.unknown()) return -1;
  const Dim* dim = count.as<Dim>();
  if (dim == nullptr || !dim->is_static() || dim->value() < 0) {
    fail("L0331", decl.repeat->span,
         "`repeat` wants a number of layers and gets " + described(count));
  }
  if (dim->value() > kMaxRepeat) {
    fail("L0342", decl.repeat->span,
         cat({"`repeat` is at most ", kMaxRepeat, " and gets ",
              dim->value()}));
  }
  return dim->value();
}

std::vector<Datum> Elaborator::recipes_of(const LayerDecl& decl,
                                          const Scope& scope) {
  if (decl.when && !condition(*decl.when, scope, "`when`")) return {};
  const std::vector<Datum> bases = bases_of(decl.type, scope);
  std::vector<Datum> result;
  if (decl.repeat == nullptr) {
    for (const Datum& base : bases) {
      result.push_back(with_fields(base, decl, scope));
    }
    return result;
  }
  if (bases.size() != 1) {
    fail("L0331", decl.repeat->span, "a list of layers cannot be repeated");
  }
  const int64_t count = repeat_count(decl, scope);
  if (count < 0) return {Unknown{}};
  Locals locals = scope.locals == nullptr ? Locals{} : *scope.locals;
  Scope inner = scope;
  inner.locals = &locals;
  const bool indexed = !decl.index.text.empty();
  if (!indexed) add_misspelt_index(bases[0], decl, locals);
  for (int64_t i = 0; i < count; ++i) {
    if (indexed) locals.emplace_back(decl.index.text, Datum(i));
    const bool same = i > 0 && !indexed;
    result.push_back(same ? result[0] : with_fields(bases[0], decl, inner));
    if (indexed) locals.pop_back();
  }
  return result;
}

Datum Elaborator::declared_layer(LayerInstance& layer, const LayerDecl& decl) {
  make_sublayers(layer);
  LazyDatum& slot = layer.layers[decl.name.text];
  if (slot.progress == Progress::kDone) return slot.value;
  if (slot.progress == Progress::kNow) {
    fail("L0339", decl.name.span,
         cat({"the layer `", decl.name.text, "` depends on itself"}));
  }
  slot.progress = Progress::kNow;
  try {
    const Scope scope{.layer = &layer};
    std::vector<Datum> recipes = recipes_of(decl, scope);
    const bool list =
        decl.repeat != nullptr || recipes.size() > 1 || is_list(layer, decl);
    const bool known = std::none_of(recipes.begin(), recipes.end(),
                                    [](const Datum& d) { return d.unknown(); });
    slot.value = placed(layer, decl.name.text, decl, std::move(recipes), list);
    if (!known) slot.value = Unknown{};
  } catch (const SpecError& error) {
    report(error);
    slot.value = Unknown{};
  }
  slot.progress = Progress::kDone;
  return slot.value;
}

// True if `type:` names a param that is a list of layers.
bool Elaborator::is_list(const LayerInstance& layer, const LayerDecl& decl) {
  const ParamDecl* param = layer.type->find_param(decl.type.text);
  return param != nullptr && param_type(*layer.type, *param).name == "list";
}

// Instances of recipes at `name` below `layer`; none if there is none.
Datum Elaborator::placed(LayerInstance& layer, const std::string& name,
                         const LayerDecl& decl, std::vector<Datum> recipes,
                         bool list) {
  if (!list && recipes.empty()) return None{};
  const bool same = decl.repeat != nullptr && decl.index.text.empty();
  const int64_t repeats = same ? static_cast<int64_t>(recipes.size()) : 0;
  for (size_t i = 0; i < recipes.size(); ++i) {
    const RecipeRef* recipe = recipes[i].as<RecipeRef>();
    if (recipe == nullptr) continue;
    const std::string item = list ? joined_path(name, std::to_string(i)) : name;
    std::optional<int64_t> number;
    if (list) number = static_cast<int64_t>(i);
    recipes[i] =
        make_instance(&layer, **recipe, item, decl.span, repeats, number);
  }
  if (!list) return recipes[0];
  return make_list(std::move(recipes));
}

Datum Elaborator::param_layer(LayerInstance& layer, const ParamDecl& decl) {
  make_sublayers(layer);
  LazyDatum& slot = layer.param_layers[decl.name.text];
  if (slot.progress == Progress::kDone) return slot.value;
  slot.progress = Progress::kDone;
  const Datum value = param(layer, decl);
  const std::string name = decl.prefix ? decl.prefix->text : decl.name.text;
  LayerDecl place;
  place.span = decl.name.span;
  if (const DatumList* list = value.as<DatumList>()) {
    slot.value = placed(layer, name, place, **list, true);
  } else if (const RecipeRef* recipe = value.as<RecipeRef>()) {
    slot.value = placed(layer, name, place, {Datum(*recipe)}, false);
  } else {
    slot.value = value;
  }
  return slot.value;
}

LayerInstance* Elaborator::make_instance(LayerInstance* parent,
                                         const LayerRecipe& recipe,
                                         std::string name, SourceSpan span,
                                         int64_t repeats,
                                         std::optional<int64_t> item) {
  LayerInstance& layer = instances_.emplace_back();
  layer.item = item;
  layer.type = recipe.type;
  layer.path = joined_path(parent->path, own_path(recipe, name));
  layer.name = std::move(name);
  layer.parent = parent;
  layer.written_in = recipe.written_in;
  layer.span = recipe.span.known() ? recipe.span : span;
  layer.given = recipe.fields;
  layer.repeats = repeats;
  parent->children.push_back(&layer);
  if (active_.size() >= kMaxLayerDepth) {
    fail("L0342", layer.span,
         cat({"layers are nested deeper than ", kMaxLayerDepth}));
  }
  if (missing_params(layer).empty()) build(layer);
  return &layer;
}

}  // namespace lathe
