// Building a layer: all params have values now, so weights get their shapes
// and sub-layers are declared.

#include "interpreter/elaborator.h"
#include "interpreter/initializer.h"
#include "interpreter/plain_expression.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Which inputs a param that is left out could follow from.
bool is_dim_of_input(const SpecFile& spec, const std::string& param) {
  for (const InputDecl& input : spec.inputs) {
    for (const DimAst& dim : input.type.dims) {
      if (!dim.ellipsis && dim.expr->kind == AstKind::kName &&
          dim.expr->text == param) {
        return true;
      }
    }
  }
  return false;
}

Diagnostic missing_param(const LayerInstance& layer, const ParamDecl& decl) {
  const std::string& name = decl.name.text;
  Diagnostic diagnostic;
  diagnostic.code = "L0212";
  diagnostic.span = layer.span;
  if (layer.parent == nullptr) {
    diagnostic.message = cat({"the param `", name, "` has no value"});
    diagnostic.span = decl.name.span;
    diagnostic.help = cat({"`-p ", name, "=...`, or give it a default"});
    if (!decl.from.empty()) {
      diagnostic.notes.push_back(
          cat({"config.json would give it as `", decl.from[0].text, "`"}));
    }
    return diagnostic;
  }
  diagnostic.message = cat({"`", layer.name, "` needs the field `", name,
                            "` of ", layer.type->name});
  if (is_dim_of_input(*layer.type->spec, name)) {
    diagnostic.notes.push_back(cat(
        {"it would follow from the input, but nothing calls `", layer.name,
         "`"}));
  }
  if (!decl.doc.empty()) diagnostic.help = cat({name, ": ", decl.doc});
  return diagnostic;
}

// Of a model, whose config.json would give most of them.
Diagnostic missing_model_params(const std::vector<const ParamDecl*>& missing) {
  std::vector<std::string> names, keys;
  for (const ParamDecl* decl : missing) {
    names.push_back(cat({"`", decl->name.text, "`"}));
    if (!decl->from.empty()) keys.push_back(cat({"`", decl->from[0].text, "`"}));
  }
  const std::string last = names.back();
  names.pop_back();
  Diagnostic diagnostic;
  diagnostic.code = "L0212";
  diagnostic.message =
      cat({"the params ", join(names, ", "), " and ", last, " have no value"});
  diagnostic.span = missing[0]->name.span;
  diagnostic.help = cat({"`-p ", missing[0]->name.text,
                         "=...`, or give it a default; likewise the others"});
  if (!keys.empty()) {
    diagnostic.notes.push_back(
        cat({"config.json would give ", join(keys, ", ")}));
  }
  return diagnostic;
}

}  // namespace

// A param may lack its value because of a mistake that was reported: its name
// was written wrongly, or the call that gives it failed, or the section.
bool Elaborator::is_consequence(const LayerInstance& layer,
                                const ParamDecl& decl) const {
  if (has_unknown_field(*layer.type, layer.given)) return true;
  if (layer.parent == nullptr) {
    return layer.type->spec->damage.any && !decl.from.empty();
  }
  return calls_failed_ && is_dim_of_input(*layer.type->spec, decl.name.text);
}

bool Elaborator::condition(const ExprAst& expr, const Scope& scope,
                           const std::string& what, bool if_unknown) {
  const Datum value = evaluate(expr, scope);
  if (const bool* decided = value.as<bool>()) return *decided;
  if (value.unknown()) return if_unknown;
  fail("L0336", expr.span,
       cat({what, " wants true or false and gets ", described(value)}),
       value.tensor() ? "`where(condition, a, b)` chooses element by element"
                      : "");
}

void Elaborator::build_params(LayerInstance& layer) {
  const SpecFile& spec = *layer.type->spec;
  std::vector<const ParamDecl*> missing;
  for (const ParamDecl* decl : missing_params(layer)) {
    layer.params[decl->name.text] = {Progress::kDone, Unknown{}};
    layer.failed = true;
    if (!is_consequence(layer, *decl)) missing.push_back(decl);
  }
  if (layer.parent == nullptr && missing.size() > 1) {
    report(missing_model_params(missing));
  } else {
    for (const ParamDecl* decl : missing) report(missing_param(layer, *decl));
  }
  for (const ParamDecl& decl : spec.params) param(layer, decl);
  for (const ValueDecl& decl : spec.values) {
    find_param_or_value(layer, decl.name.text);
  }
  try {
    if (!layer.failed) check_asserts(spec.asserts, {.layer = &layer});
  } catch (const SpecError& error) {
    report(error);
    layer.failed = true;
  }
}

void Elaborator::build_weight(LayerInstance& layer, const WeightDecl& decl) {
  WeightSlot& slot = layer.weights[decl.name.text];
  slot.span = decl.name.span;
  const Scope scope{.layer = &layer};
  if (decl.when && !condition(*decl.when, scope, "`when`")) {
    slot.absent = true;
    return;
  }
  const std::optional<TensorType> type = weight_type(decl.type, layer);
  if (!type) return;
  std::string path = joined_path(layer.path, decl.name.text);
  if (claim_copied(layer, path, slot)) {
    slot.type = *type;
    return;
  }
  const size_t number = model_.graph.weights.size();
  if (!weight_paths_.emplace(path, WeightPath{number, nullptr}).second) {
    fail("L0506", decl.name.span,
         cat({"two weights have the path `", path, "`"}));
  }
  WeightFill fill;
  fill.path = path;
  if (decl.init != nullptr) {
    fill.init = read_initializer(*this, *decl.init, scope);
  }
  fill.dtype = type->dtype;
  // The values of blocks are floats; binding adds what reads them.
  TensorType values = *type;
  if (is_block(values.dtype)) values.dtype = DType::kFloat32;
  slot.type = *type;
  slot.value = model_.graph.add_weight(path, values, decl.name.span);
  model_.graph.nodes.back().path = layer.path;
  fill.value = slot.value;
  model_.graph.weights.push_back({path, *type,
                                  decl.init ? decl.init->text : "",
                                  decl.name.span, slot.value});
  model_.weights.push_back(std::move(fill));
}

void Elaborator::build_afresh(LayerInstance& layer) {
  layer.built = Progress::kNow;
  const ActiveLayer active(*this, layer, layer.span);
  build_params(layer);
  note_unsupported(layer);
  const SpecFile& spec = *layer.type->spec;
  for (const WeightDecl& decl : spec.weights) {
    try {
      build_weight(layer, decl);
    } catch (const SpecError& error) {
      report(error);
    }
  }
  for (const LayerDecl& decl : spec.layers) declared_layer(layer, decl);
  layer.built = Progress::kDone;
}

void Elaborator::note_unsupported(LayerInstance& layer) {
  const SpecFile& spec = *layer.type->spec;
  const auto note = [&](const std::string& feature, const SourceSpan& span) {
    for (const UnsupportedFeature& known : model_.unsupported) {
      if (known.feature == feature) return;
    }
    Diagnostic diagnostic;
    diagnostic.code = "L0220";
    diagnostic.message =
        cat({"`", feature, "` is checked but cannot run in this version"});
    diagnostic.span = span;
    if (!layer.path.empty()) {
      diagnostic.notes.push_back("in: " + layer.path);
    }
    model_.unsupported.push_back({feature, std::move(diagnostic)});
  };
  for (const StateDecl& state : spec.state) {
    try {
      const Scope scope{.layer = &layer};
      if (state.when && !condition(*state.when, scope, "`when`")) continue;
      state_type(state.type, layer);
    } catch (const SpecError& error) {
      report(error);
    }
    note("state", state.name.span);
  }
  if (spec.kernel != nullptr) note("kernel", spec.kernel->span);
}

std::optional<Datum> Elaborator::find_weight(LayerInstance& layer,
                                             std::string_view name,
                                             const SourceSpan& span) {
  if (layer.type->weights.count(name) == 0) return std::nullopt;
  if (layer.built == Progress::kNotYet) {
    if (!missing_params(layer).empty()) {
      fail("L0411", span,
           cat({"the shape of `", layer.path, ".", name,
                "` is not known before `", layer.name, "` is called"}),
           cat({"give `", missing_params(layer)[0]->name.text, "` to `",
                layer.name, "`"}));
    }
    build(layer);
  }
  make_sublayers(layer);
  const auto slot = layer.weights.find(name);
  if (slot == layer.weights.end()) return Datum(Unknown{});
  if (slot->second.absent) return Datum(None{});
  if (slot->second.value < 0) return Datum(Unknown{});
  return Datum(TensorRef{slot->second.value});
}

}  // namespace lathe
