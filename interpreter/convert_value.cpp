// Does a value fit the type of its param, and what is the type of a param
// that does not say?

#include <cmath>

#include "interpreter/elaborator.h"
#include "interpreter/plain_expression.h"
#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

std::string article(const ParamTypeAst& type) {
  const std::string text = to_string(type);
  const bool vowel = std::string("aeiou").find(text[0]) != std::string::npos;
  return (vowel ? "an " : "a ") + text;
}

[[noreturn]] void misfit(const Datum& datum, const ParamTypeAst& type,
                         const SourceSpan& span, const std::string& what) {
  std::string help = word_help(datum);
  if (help.empty() && type.name == "int" && datum.is<double>()) {
    help = "`//` divides ints, `floor` and `ceil` round";
  }
  fail("L0331", span,
       cat({what, " wants ", article(type), " and gets ", described(datum)}),
       help, word_notes(datum));
}

std::optional<Datum> to_int(const Datum& datum) {
  const Dim* dim = datum.as<Dim>();
  if (dim != nullptr && dim->is_static()) return datum;
  return std::nullopt;
}

std::optional<Datum> to_float(const Datum& datum) {
  if (datum.is<double>()) return datum;
  const Dim* dim = datum.as<Dim>();
  if (dim == nullptr || !dim->is_static()) return std::nullopt;
  return Datum(static_cast<double>(dim->value()));
}

std::optional<Datum> to_dtype(const Datum& datum) {
  if (datum.is<DType>()) return datum;
  const Text* text = datum.as<Text>();
  if (text == nullptr) return std::nullopt;
  const std::optional<DType> dtype = parse_dtype(text->text);
  return dtype ? std::optional<Datum>(*dtype) : std::nullopt;
}

std::optional<Datum> if_is(bool fits, const Datum& datum) {
  return fits ? std::optional<Datum>(datum) : std::nullopt;
}

bool is_struct(const Datum& datum, std::string_view type) {
  const auto* value = datum.as<std::shared_ptr<const DatumStruct>>();
  return value != nullptr && (*value)->type == type;
}

std::optional<Datum> to_layer(const Datum& datum) {
  return if_is(datum.layer() && !datum.is<DatumList>(), datum);
}

std::optional<Datum> plain_value(const Datum& datum, const std::string& type) {
  if (type == "int") return to_int(datum);
  if (type == "float") return to_float(datum);
  if (type == "bool") return if_is(datum.is<bool>(), datum);
  if (type == "string" || type == "device") {
    return if_is(datum.is<Text>(), datum);
  }
  if (type == "dtype") return to_dtype(datum);
  if (type == "layer") return to_layer(datum);
  if (type == "map") return if_is(is_struct(datum, ""), datum);
  if (type == "any") return datum;
  return if_is(is_struct(datum, type), datum);
}

const std::vector<std::string> kPlainTypes = {
    "int",   "float", "bool", "string", "dtype", "device",
    "layer", "list",  "map",  "any"};

bool is_plain_type(const std::string& name) {
  for (const std::string& type : kPlainTypes) {
    if (type == name) return true;
  }
  return false;
}

// Reads the type of a default off its form, without a value: the default may
// depend on params that are not known yet.
class DefaultType {
 public:
  DefaultType(Elaborator& e, const LayerType& type) : e_(e), type_(type) {}

  std::string of(const YamlNode& node) {
    if (node.is_sequence()) return "list";
    if (node.is_mapping()) return of_mapping(node);
    const bool word = is_identifier(node.text) && !is_reserved(node.text);
    const bool constant = parse_dtype(node.text) || float_constant(node.text);
    if (word && !constant && !names_something(node.text)) return "string";
    return of(*e_.expression_of(node));
  }

 private:
  bool names_something(std::string_view name) const {
    return type_.find_param(name) != nullptr ||
           type_.values.count(name) > 0 || name == "dtype" ||
           name == "device";
  }

  std::string of_mapping(const YamlNode& node) {
    const YamlEntry* type = node.find("type");
    if (type == nullptr) return "map";
    if (e_.find_struct(type->value->text) != nullptr) {
      return type->value->text;
    }
    return "layer";
  }

  std::string of_name(const std::string& name) {
    if (name == "dtype" || parse_dtype(name)) return "dtype";
    if (float_constant(name)) return "float";
    if (name == "device") return "device";
    if (name == "layer_index") return "int";
    if (const ParamDecl* decl = type_.find_param(name)) {
      return e_.param_type(type_, *decl).name;
    }
    const auto value = type_.values.find(name);
    return value == type_.values.end() ? "any" : of(*value->second->value);
  }

  std::string joined(const std::string& a, const std::string& b) {
    if (a == b) return a;
    const bool numbers = (a == "int" || a == "float") &&
                         (b == "int" || b == "float");
    return numbers ? "float" : "any";
  }

  std::string of_binary(const ExprAst& x) {
    if (x.text == "/") return "float";
    for (const char* op : {"+", "-", "*", "//", "%", "**"}) {
      if (x.text == op) return joined(of(*x.args[0]), of(*x.args[1]));
    }
    return "bool";
  }

  std::string of_call(const ExprAst& x) {
    const std::string& name = x.args[0]->text;
    const BuiltinFunction* function = find_builtin(name);
    if (function == nullptr || x.args.size() < 2) return "any";
    return function->result == "first" ? of(*x.args[1])
                                       : std::string(function->result);
  }

  std::string of(const ExprAst& x) {
    switch (x.kind) {
      case AstKind::kInt: return "int";
      case AstKind::kFloat: return "float";
      case AstKind::kString:
      case AstKind::kTemplate: return "string";
      case AstKind::kBool: return "bool";
      case AstKind::kNone: return "none";
      case AstKind::kName: return of_name(x.text);
      case AstKind::kUnary:
        return x.text == "not" ? "bool" : of(*x.args[0]);
      case AstKind::kBinary: return of_binary(x);
      case AstKind::kConditional: return joined(of(*x.args[1]), of(*x.args[2]));
      case AstKind::kList: return "list";
      case AstKind::kCall: return of_call(x);
      case AstKind::kIndex:
      case AstKind::kSlice:
      case AstKind::kEllipsis:
      case AstKind::kField: return "any";
    }
    return "any";
  }

  Elaborator& e_;
  const LayerType& type_;
};

}  // namespace

Datum Elaborator::convert_value(const Datum& datum, const ParamTypeAst& type,
                                const SourceSpan& span,
                                const std::string& what) {
  if (datum.unknown()) return datum;
  if (datum.none() && (type.optional || type.name == "any")) return datum;
  if (type.name == "list") {
    const DatumList* list = datum.as<DatumList>();
    if (list == nullptr) misfit(datum, type, span, what);
    if (type.item == nullptr) return datum;
    std::vector<Datum> items;
    for (const Datum& item : **list) {
      items.push_back(
          convert_value(item, *type.item, span, "an item of " + what));
    }
    return make_list(std::move(items));
  }
  const bool plain = is_plain_type(type.name);
  const LayerType* record = plain ? nullptr : find_struct(type.name);
  if (!plain && record == nullptr) {
    std::vector<std::string> names = kPlainTypes;
    for (std::string& name : inputs_.library->names(SpecKind::kStruct)) {
      names.push_back(std::move(name));
    }
    fail("L0330", type.span, cat({"there is no type `", type.name, "`"}),
         did_you_mean(type.name, names));
  }
  const std::optional<Datum> value =
      plain_value(datum, plain ? type.name : record->name);
  if (!value) misfit(datum, type, span, what);
  return *value;
}

const ParamTypeAst& Elaborator::param_type(const LayerType& type,
                                           const ParamDecl& decl) {
  if (decl.type) return *decl.type;
  LayerType& mutable_type = *types_.at(type.spec);
  const auto known = mutable_type.inferred_types.find(decl.name.text);
  if (known != mutable_type.inferred_types.end()) return known->second;
  // Breaks rings of defaults, which params report.
  ParamTypeAst& result = mutable_type.inferred_types[decl.name.text];
  result.name = "any";
  result.span = decl.name.span;
  if (decl.default_value == nullptr) return result;
  const std::string name = DefaultType(*this, type).of(*decl.default_value);
  result.name = name == "none" ? "any" : name;
  return result;
}

void Elaborator::check_limits(const LayerType& type, const ParamDecl& decl,
                              const Datum& datum, const SourceSpan& span,
                              const Scope& scope) {
  if (datum.none() || datum.unknown()) return;
  const auto bound = [&](const YamlRef& node, const char* op,
                         const char* words) {
    if (node == nullptr) return;
    const Datum limit = evaluate(*expression_of(*node), scope);
    if (limit.unknown()) return;
    if (!datum.number() || !limit.number()) {
      fail("L0331", node->span,
           cat({"`min` and `max` are for numbers: `", decl.name.text, "` is ",
                described(datum), ", the limit ", described(limit)}));
    }
    if (*plain_binary(op, datum, limit, node->span).as<bool>()) return;
    fail("L0332", span,
         cat({"`", decl.name.text, "` is ", words, " ", to_string(limit),
              ", and gets ", to_string(datum)}));
  };
  bound(decl.min, ">=", "at least");
  bound(decl.max, "<=", "at most");
  if (decl.choices == nullptr) return;
  std::vector<std::string> choices;
  const ParamTypeAst& choice_type = param_type(type, decl);
  for (const YamlRef& item : decl.choices->items) {
    const Datum choice = read_value(*item, choice_type, scope, "a choice");
    if (datums_equal(choice, datum) == true) return;
    choices.push_back(interpolated(choice));
  }
  fail("L0332", span,
       cat({"`", decl.name.text, "` is one of ", join(choices, ", "),
            ", and gets ", to_string(datum)}),
       datum.is<Text>() ? did_you_mean(interpolated(datum), choices) : "");
}

}  // namespace lathe
