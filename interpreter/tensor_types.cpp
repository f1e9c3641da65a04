// Tensor types of a spec: `dtype[dims]` of weights, inputs and arguments.
// A dim's name is a param, a size that another input bound, or new: then it
// binds to whatever size comes.

#include <algorithm>

#include "interpreter/block_types.h"
#include "interpreter/elaborator.h"
#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

bool is_class(std::string_view dtype) {
  return dtype == "float" || dtype == "int" || dtype == "any";
}

bool in_class(DType dtype, std::string_view name) {
  if (name == "float") return is_float(dtype);
  if (name == "int") return is_int(dtype);
  return true;
}

// Names in a dim, for those that stand for sizes known at run time.
void collect_names(const ExprAst& x, std::vector<std::string>& names) {
  if (x.kind == AstKind::kName) names.push_back(x.text);
  const size_t first = x.kind == AstKind::kCall ? 1 : 0;
  for (size_t i = first; i < x.args.size(); ++i) {
    if (x.args[i] != nullptr) collect_names(*x.args[i], names);
  }
}

[[noreturn]] void not_a_size(const Datum& datum, const SourceSpan& span) {
  fail("L0331", span,
       "a size is an int of at least 0, and this is " + described(datum),
       word_help(datum), word_notes(datum));
}

Dim checked_size(const Datum& datum, const SourceSpan& span) {
  const Dim* dim = datum.as<Dim>();
  if (dim == nullptr || (dim->is_static() && dim->value() < 0)) {
    not_a_size(datum, span);
  }
  return *dim;
}

void check_bytes(const TensorType& type, const SourceSpan& span) {
  try {
    const Dim count = numel(type.shape);
    if (count.is_static()) bytes_of(type.dtype, count.value());
  } catch (const DimError&) {
    fail("L0410", span,
         cat({to_string(type), " has more than 2^63 - 1 bytes"}));
  }
}

// Each dim of a type with the axis of the argument that it stands for.
struct MatchedDim {
  const DimAst* dim;
  size_t axis;
};

// Nothing if the ranks do not fit.
std::optional<std::vector<MatchedDim>> match_dims(
    const std::vector<DimAst>& dims, size_t rank) {
  size_t ellipsis = dims.size();
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i].ellipsis) ellipsis = i;
  }
  const bool open = ellipsis < dims.size();
  const size_t fixed = dims.size() - open;
  if (open ? rank < fixed : rank != fixed) return std::nullopt;
  std::vector<MatchedDim> matched;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i == ellipsis) continue;
    const size_t axis = i < ellipsis ? i : i + rank - dims.size();
    matched.push_back({&dims[i], axis});
  }
  return matched;
}

std::string shown(const TensorTypeAst& type) { return to_string(type); }

// How the message names the axis that does not fit.
std::string wanted_size(const Dim& wanted, size_t axis, size_t rank,
                        const std::string& input) {
  if (axis + 1 == rank) return cat({wanted.to_string(), " features"});
  return cat({"size ", wanted.to_string(), " on axis ", axis, " of `", input,
              "`"});
}

class InputBinder {
 public:
  InputBinder(Elaborator& e, LayerInstance& layer, const InputDecl& input,
              const CallArg& arg, Frame& frame, const SourceSpan& call)
      : e_(e),
        layer_(layer),
        input_(input),
        arg_(arg),
        frame_(frame),
        call_(call),
        value_(arg.value.as<TensorRef>()->id),
        type_(e.model_.graph.type(value_)) {}

  void run() {
    check_dtype();
    const auto matched = match_dims(input_.type.dims, type_.shape.size());
    if (!matched) wrong_rank();
    for (const MatchedDim& dim : *matched) bind(*dim.dim, dim.axis);
  }

 private:
  SourceSpan place() const { return arg_.span.known() ? arg_.span : call_; }

  void check_dtype() {
    const std::string& wanted = input_.type.dtype;
    std::optional<DType> dtype = parse_dtype(wanted);
    if (!dtype && !is_class(wanted)) {
      const std::optional<Datum> param =
          e_.find_param_or_value(layer_, wanted);
      if (param && param->unknown()) return;
      if (!param || !param->is<DType>()) {
        fail("L0331", input_.type.dtype_span,
             cat({"`", wanted, "` is no dtype, no class of dtypes and no "
                  "param that holds one"}),
             suggest_dtype(wanted).empty()
                 ? ""
                 : cat({"did you mean `", suggest_dtype(wanted), "`?"}));
      }
      dtype = *param->as<DType>();
    }
    const bool fits =
        dtype ? *dtype == type_.dtype : in_class(type_.dtype, wanted);
    if (fits) return;
    if (dtype) refuse_blocks(*dtype, "an input", input_.type.dtype_span);
    const std::string name = dtype ? std::string(to_string(*dtype)) : wanted;
    const std::string target = wanted == "int" ? "int64"
                               : dtype         ? name
                                               : "float32";
    fail("L0404", place(),
         cat({shown_name(layer_), " wants ", name, " for `",
              input_.name.text, "` and gets ", to_string(type_.dtype)}),
         cat({"`cast(", input_.name.text, ", ", target, ")` converts"}),
         {note()});
  }

  [[noreturn]] void wrong_rank() {
    fail("L0405", place(),
         cat({shown_name(layer_), " wants ", shown(input_.type), " for `",
              input_.name.text, "` and gets ", type_.shape.size(),
              type_.shape.size() == 1 ? " axis" : " axes"}),
         "", {note()});
  }

  std::string note() {
    return e_.origin_note(input_.name.text, value_);
  }

  void bind(const DimAst& dim, size_t axis) {
    const Dim& got = type_.shape[axis];
    std::optional<Dim> wanted = wanted_of(dim, got);
    if (!wanted || provably_equal(*wanted, got)) return;
    Diagnostic diagnostic = mismatch(dim, axis, *wanted, got);
    if (provably_different(*wanted, got)) {
      throw SpecError(std::move(diagnostic));
    }
    e_.add_constraint(*wanted, got, diagnostic);
  }

  // What the dim has to be; nothing if it takes any size.
  std::optional<Dim> wanted_of(const DimAst& dim, const Dim& got) {
    if (dim.expr->kind == AstKind::kName) {
      const std::string& name = dim.expr->text;
      const auto bound = frame_.dims.find(name);
      if (bound != frame_.dims.end()) return bound->second;
      if (!e_.find_param_or_value(layer_, name)) {
        frame_.dims.emplace(name, got);
        return std::nullopt;
      }
    }
    Locals dims(frame_.dims.begin(), frame_.dims.end());
    const Datum value =
        e_.evaluate(*dim.expr, {.layer = &layer_, .locals = &dims});
    if (value.unknown()) return std::nullopt;
    if (value.none()) return std::nullopt;
    return checked_size(value, dim.span);
  }

  Diagnostic mismatch(const DimAst& dim, size_t axis, const Dim& wanted,
                      const Dim& got) {
    Diagnostic d;
    d.code = "L0402";
    d.message =
        cat({shown_name(layer_), " wants ",
             wanted_size(wanted, axis, type_.shape.size(), input_.name.text),
             " and gets ", got.to_string()});
    d.span = place();
    d.notes.push_back(note());
    if (layer_.parent == nullptr || layer_.parent->parent == nullptr) {
      d.notes.push_back(cat({"in: ", layer_.path, " (", layer_.type->name,
                             ")"}));
    }
    const bool named = dim.expr->kind == AstKind::kName;
    const GivenField* given =
        named ? layer_.find_given(dim.expr->text) : nullptr;
    if (given != nullptr && given->span.known()) {
      d.span = given->span;
      d.help = cat({"`", given->name, ": ", got.to_string(),
                    "`, or leave it out: ", layer_.type->name,
                    " infers it from the input"});
    } else {
      d.notes.push_back(cat({shown_name(layer_), " takes ",
                             input_.name.text, ": ", shown(input_.type)}));
    }
    return d;
  }

  Elaborator& e_;
  LayerInstance& layer_;
  const InputDecl& input_;
  const CallArg& arg_;
  Frame& frame_;
  const SourceSpan& call_;
  const ValueId value_;
  const TensorType type_;  // a copy: binding may add nodes
};

}  // namespace

std::optional<DType> Elaborator::dtype_of(const TensorTypeAst& type,
                                          LayerInstance& layer,
                                          const std::string& what) {
  if (std::optional<DType> dtype = parse_dtype(type.dtype)) return dtype;
  const std::optional<Datum> param = find_param_or_value(layer, type.dtype);
  if (param && param->unknown()) return std::nullopt;
  if (param && param->is<DType>()) return *param->as<DType>();
  if (is_class(type.dtype)) {
    fail("L0404", type.dtype_span,
         cat({what, " has one dtype, and `", type.dtype,
              "` is a class of them"}),
         "`dtype` is that of the layer");
  }
  const std::string near = suggest_dtype(type.dtype);
  fail("L0330", type.dtype_span,
       cat({"there is no dtype `", type.dtype, "`"}),
       near.empty() ? "" : cat({"did you mean `", near, "`?"}));
}

std::optional<TensorType> Elaborator::weight_type(const TensorTypeAst& type,
                                                  LayerInstance& layer) {
  const std::optional<DType> dtype = dtype_of(type, layer, "a weight");
  TensorType result{dtype.value_or(DType::kFloat32), {}};
  bool known = dtype.has_value();
  for (const DimAst& dim : type.dims) {
    if (dim.ellipsis) {
      fail("L0405", dim.span, "a weight has a fixed number of axes");
    }
    const Datum size = evaluate(*dim.expr, {.layer = &layer});
    known &= !size.unknown();
    if (!size.unknown()) result.shape.push_back(checked_size(size, dim.span));
  }
  if (!known) return std::nullopt;
  check_bytes(result, type.span);
  check_blocks(result, type.span);
  return result;
}

std::optional<TensorType> Elaborator::state_type(const TensorTypeAst& type,
                                                 LayerInstance& layer) {
  Frame frame;
  frame.layer = &layer;
  return input_type(type, frame, true);
}

std::optional<TensorType> Elaborator::input_type(const TensorTypeAst& type,
                                                 Frame& frame, bool open) {
  LayerInstance& layer = *frame.layer;
  std::optional<DType> dtype;
  if (open && is_class(type.dtype)) {
    const Datum own = builtin_param(layer, "dtype");
    if (own.is<DType>()) dtype = *own.as<DType>();
    if (type.dtype == "int") dtype = DType::kInt64;
  } else {
    dtype = dtype_of(type, layer, "an input of a model");
  }
  if (dtype) refuse_blocks(*dtype, "an input", type.dtype_span);
  TensorType result{dtype.value_or(DType::kFloat32), {}};
  bool known = dtype.has_value();
  for (const DimAst& dim : type.dims) {
    if (dim.ellipsis) {
      if (!open) {
        fail("L0405", dim.span,
             "an input of a model has a fixed number of axes",
             "name each one: `float32[B, T, 64]`");
      }
      result.shape.push_back(symbol_of("batch", frame));
      continue;
    }
    const Datum size = open_size(*dim.expr, frame);
    known &= !size.unknown();
    if (!size.unknown()) result.shape.push_back(checked_size(size, dim.span));
  }
  if (!known) return std::nullopt;
  check_bytes(result, type.span);
  return result;
}

Dim Elaborator::symbol_of(const std::string& name, Frame& frame) {
  const auto [it, is_new] = frame.dims.emplace(name, Dim());
  if (is_new) it->second = Dim::symbol(name);
  return it->second;
}

Datum Elaborator::open_size(const ExprAst& expr, Frame& frame) {
  std::vector<std::string> names;
  collect_names(expr, names);
  for (const std::string& name : names) {
    const bool known = find_param_or_value(*frame.layer, name).has_value();
    if (!known && is_identifier(name)) symbol_of(name, frame);
  }
  Locals dims(frame.dims.begin(), frame.dims.end());
  return evaluate(expr, {.layer = frame.layer, .locals = &dims});
}

// The number that a size has been assumed to be, if it has been.
Dim Elaborator::assumed_size(const Dim& size) const {
  if (size.is_static()) return size;
  for (const DimConstraint& known : model_.graph.constraints) {
    if (known.right == size && known.left.is_static()) return known.left;
    if (known.left == size && known.right.is_static()) return known.right;
  }
  return size;
}

void Elaborator::infer_params(LayerInstance& layer,
                              const std::vector<CallArg>& args) {
  const std::vector<const ParamDecl*> missing = missing_params(layer);
  if (missing.empty()) return;
  const std::vector<InputDecl>& inputs = layer.type->spec->inputs;
  for (size_t i = 0; i < inputs.size() && i < args.size(); ++i) {
    const TensorRef* tensor = args[i].value.as<TensorRef>();
    if (tensor == nullptr) continue;
    const Shape shape = model_.graph.type(tensor->id).shape;
    const auto matched = match_dims(inputs[i].type.dims, shape.size());
    if (!matched) continue;
    for (const MatchedDim& dim : *matched) {
      for (const ParamDecl* decl : missing) {
        const bool stands_here = dim.dim->expr->kind == AstKind::kName &&
                                 dim.dim->expr->text == decl->name.text;
        if (!stands_here || layer.find_given(decl->name.text)) continue;
        const Dim size = assumed_size(shape[dim.axis]);
        if (!size.is_static()) {
          fail("L0411", args[i].span,
               cat({"`", decl->name.text, "` of ", shown_name(layer),
                    " cannot follow from `", inputs[i].name.text,
                    "`: the size ", size.to_string(),
                    " is only known at run time"}),
               cat({"give `", decl->name.text, "` to ", shown_name(layer)}),
               {origin_note(inputs[i].name.text, tensor->id)});
        }
        layer.given.push_back({decl->name.text, Datum(size), {}, {}, "", {}});
      }
    }
  }
}

void Elaborator::bind_input(LayerInstance& layer, const InputDecl& input,
                            const CallArg& arg, Frame& frame,
                            const SourceSpan& call) {
  InputBinder(*this, layer, input, arg, frame, call).run();
}

void Elaborator::add_constraint(const Dim& left, const Dim& right,
                                const Diagnostic& diagnostic) {
  for (const DimConstraint& known : model_.graph.constraints) {
    if (known.left == left && known.right == right) return;
  }
  model_.graph.constraints.push_back(
      {left, right, diagnostic.code, diagnostic.message,
       own_place(diagnostic.span)});
}

}  // namespace lathe
