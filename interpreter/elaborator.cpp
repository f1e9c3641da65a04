#include "interpreter/elaborator.h"

#include <cmath>

#include "interpreter/bind_weights.h"
#include "interpreter/initializer.h"
#include "interpreter/layer_table.h"
#include "interpreter/load_rules.h"
#include "spec/text.h"

namespace lathe {
namespace {

// A number that the input's dtype does not have would be another one there.
void check_default(double number, const Datum& written, const InputDecl& input,
                   DType dtype) {
  if (is_float(dtype)) return;
  const bool fits = is_bool(dtype)
                        ? number == 0 || number == 1
                        : number >= static_cast<double>(lowest_int(dtype)) &&
                              number <= static_cast<double>(highest_int(dtype));
  if (fits && std::floor(number) == number) return;
  fail("L0404", input.default_value->span,
       cat({"the default of `", input.name.text, "` is ", described(written),
            ", which is no ", to_string(dtype)}));
}

}  // namespace

ActiveLayer::ActiveLayer(Elaborator& elaborator, LayerInstance& layer,
                         const SourceSpan& from)
    : elaborator_(elaborator) {
  elaborator_.active_.push_back({&layer, from});
  elaborator_.note_active();
}

ActiveLayer::~ActiveLayer() { elaborator_.active_.pop_back(); }

Elaborator::Elaborator(const ElaborateInputs& inputs, Diagnostics& diagnostics)
    : inputs_(inputs), diagnostics_(diagnostics) {}

Elaborator::~Elaborator() = default;

void Elaborator::report(const SpecError& error) {
  for (const Diagnostic& diagnostic : error.diagnostics()) report(diagnostic);
}

// A mistake is shown in the user's own file: if it shows in a layer of the
// library, at the call or declaration that led there.
SourceSpan Elaborator::own_place(const SourceSpan& span) const {
  const auto in_library = [&](const SourceSpan& s) {
    return s.known() && inputs_.library->owns(*s.file);
  };
  if (!in_library(span)) return span;
  for (auto it = active_.rbegin(); it != active_.rend(); ++it) {
    if (it->from.known() && !in_library(it->from)) return it->from;
  }
  return span;
}

void Elaborator::report(Diagnostic diagnostic) {
  spoil_recordings();
  const SourceSpan own = own_place(diagnostic.span);
  if (own.file != diagnostic.span.file) {
    diagnostic.notes.push_back(cat({"found at ", place_of(diagnostic.span),
                                    ": ", backquoted(diagnostic.span.text())}));
    diagnostic.span = own;
  }
  ReportPlace place;
  if (!active_.empty()) {
    const LayerInstance* layer = active_.back().layer;
    place.path = layer->path;
    for (const LayerInstance* at = layer; at; at = at->parent) {
      if (at->repeats > 1) place.list_size = at->repeats;
      const bool shown = at->span.known() && at->parent != nullptr &&
                         own_place(at->span).file == at->span.file;
      if (shown && place.declared.empty()) place.declared = place_of(at->span);
    }
  }
  // The line that is shown says it all.
  const bool shown = diagnostic.span.known() && place.list_size == 0 &&
                     place.declared == place_of(diagnostic.span);
  if (shown) place.path.clear();
  reports_.add(std::move(diagnostic), std::move(place));
}

LayerInstance* Elaborator::make_root(const LayerType& type) {
  LayerInstance& root = instances_.emplace_back();
  root.type = &type;
  root.span = type.spec->name.span;
  root_ = &root;
  root.given = model_fields(type);
  return &root;
}

// A layer file on its own: its inputs become those of a model.
bool Elaborator::is_open() const {
  return inputs_.spec->kind == SpecKind::kLayer;
}

void Elaborator::add_graph_input(const InputDecl& input, Frame& frame) {
  Datum value = Unknown{};
  try {
    const std::optional<TensorType> type =
        input_type(input.type, frame, is_open());
    const Datum fallback = input_default(input, frame);
    if (is_open() && input.default_value != nullptr && fallback.none()) {
      value = None{};
    } else if (type) {
      GraphInput added{input.name.text, -1, std::nullopt, input.name.span};
      if (input.default_value != nullptr) {
        added.default_value = default_number(fallback, input);
        check_default(*added.default_value, fallback, input, type->dtype);
      }
      value = TensorRef{model_.graph.add_input(std::move(added), *type)};
    }
  } catch (const SpecError& error) {
    report(error);
  }
  frame.names[input.name.text] = value;
}

double Elaborator::default_number(const Datum& value, const InputDecl& input) {
  if (const bool* flag = value.as<bool>()) return *flag ? 1 : 0;
  if (const double* number = value.as<double>()) return *number;
  const Dim* dim = value.as<Dim>();
  if (dim != nullptr && dim->is_static()) {
    return static_cast<double>(dim->value());
  }
  fail("L0331", input.default_value->span,
       "the default of a model's input is a number, and this is " +
           described(value));
}

void Elaborator::run_root() {
  LayerInstance& root = *root_;
  build(root);
  // A struct has params and asserts, nothing to compute.
  const bool is_struct = inputs_.spec->kind == SpecKind::kStruct;
  if (root.failed || is_struct) return;
  const ActiveLayer active(*this, root, root.span);
  Frame frame;
  frame.layer = &root;
  for (const InputDecl& input : root.type->spec->inputs) {
    add_graph_input(input, frame);
  }
  for (const auto& [name, dim] : frame.dims) {
    model_.graph.symbols.push_back(name);
  }
  root.called = true;
  const Outputs outputs = run_body(frame);
  if (outputs.size() == 1 && outputs[0].first.empty()) {
    fail("L0204", root.span, "the model computes nothing",
         "give it layers, or a body that assigns a name");
  }
  for (const auto& [name, value] : outputs) add_graph_output(name, value);
}

void Elaborator::add_graph_output(const std::string& name,
                                  const Datum& value) {
  if (value.unknown()) return;
  const TensorRef* tensor = value.as<TensorRef>();
  if (tensor == nullptr) {
    Diagnostic diagnostic{
        .code = "L0331",
        .message = cat({"the output `", name, "` is ", described(value),
                        ", and an output is a tensor"}),
        .span = root_->span};
    for (const OutputDecl& output : root_->type->spec->outputs) {
      if (output.name.text == name) diagnostic.span = output.value->span;
    }
    return report(std::move(diagnostic));
  }
  model_.graph.outputs.push_back({name, tensor->id});
  root_->outputs.push_back(model_.graph.type(tensor->id));
}

// Layers that nothing called may still lack a param.
void Elaborator::build_uncalled() {
  calls_failed_ = reports_.any() || root_->type->spec->damage.any;
  if (root_->failed) return;
  for (size_t i = 0; i < instances_.size(); ++i) {
    LayerInstance& layer = instances_[i];
    // What no call ran stays as it was built.
    if (layer.replica && layer.replayed == nullptr) make_sublayers(layer);
    if (layer.built == Progress::kNotYet && !layer.called) build(layer);
  }
}

void Elaborator::list_params() {
  const auto add = [&](const std::string& name, const std::string& type,
                       const ParamTypeAst& read_as, const std::string& doc) {
    const std::optional<Datum> value = find_param_or_value(*root_, name);
    const GivenField* given = root_->find_given(name);
    std::string origin = given ? given->origin : "default";
    const bool changed = !field_overrides(*root_, name).empty();
    if (changed && origin != "-p") origin += ", -p";
    model_.params.push_back({name, type, value ? to_string(*value) : "",
                             std::move(origin), doc,
                             value ? value_node(*value, read_as) : nullptr});
  };
  static const ParamTypeAst any{.name = "any"};
  for (const ParamDecl& decl : root_->type->spec->params) {
    add(decl.name.text, to_string(param_type(*root_->type, decl)),
        decl.type ? *decl.type : any, decl.doc);
  }
  if (!root_->type->find_param("dtype")) {
    add("dtype", "dtype", any, "of weights and of inputs that say `dtype`");
  }
}

// `checkpoint: {init: ...}` fills what says nothing of its own.
void Elaborator::apply_checkpoint_init() {
  const std::optional<CheckpointDecl>& checkpoint =
      root_->type->spec->checkpoint;
  if (!checkpoint || checkpoint->init == nullptr) return;
  Initializer init;
  try {
    init = read_initializer(*this, *checkpoint->init, {.layer = root_});
  } catch (const SpecError& error) {
    return report(error);
  }
  for (WeightFill& fill : model_.weights) {
    if (fill.init.kind == Initializer::Kind::kNone) fill.init = init;
  }
}

Model Elaborator::run() {
  const SpecFile& spec = *inputs_.spec;
  const LayerType* type =
      type_of(spec, spec.name.text, inputs_.library->owns(*spec.file));
  model_.graph.name = spec.name.text;
  model_.span = spec.name.span;
  try {
    make_root(*type);
    run_root();
    build_uncalled();
    check_presets();
    check_tests();
    list_params();
    apply_checkpoint_init();
    report_disagreement();
  } catch (const SpecError& error) {
    report(error);
  }
  reports_.flush(diagnostics_);
  if (root_ != nullptr) model_.layers = layer_table(*root_);
  if (!diagnostics_.has_errors() && !spec.damage.any) {
    bind_weights(model_, inputs_, diagnostics_);
  } else if (spec.checkpoint) {
    // There is no complete model to fill, but the rules can be read.
    read_load_rules(*spec.checkpoint, diagnostics_);
  }
  return std::move(model_);
}

Model elaborate(const ElaborateInputs& inputs, Diagnostics& diagnostics) {
  LATHE_CHECK(inputs.spec != nullptr && inputs.library != nullptr,
              "elaborate needs a spec and a library");
  const Damage& damage = inputs.spec->damage;
  if (damage.whole) return {};
  if (!damage.any) return Elaborator(inputs, diagnostics).run();
  // What is left of the spec is checked, for messages only.
  Diagnostics found;
  Elaborator(inputs, found).run();
  for (const Diagnostic& diagnostic : found.sorted()) {
    if (!damage.explains(diagnostic)) diagnostics.add(diagnostic);
  }
  return {};
}

}  // namespace lathe
