// Expressions: numbers are computed here and now, tensors become nodes of the
// graph. Operators on tensors are whatever ops declare themselves to be them.

#include <algorithm>

#include "interpreter/elaborator.h"
#include "interpreter/indexing.h"
#include "interpreter/plain_expression.h"
#include "interpreter/size_number.h"
#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

bool any_unknown(const std::vector<CallArg>& args) {
  for (const CallArg& arg : args) {
    if (arg.value.unknown()) return true;
  }
  return false;
}

class Evaluator {
 public:
  Evaluator(Elaborator& elaborator, const Scope& scope)
      : e_(elaborator), scope_(scope) {}

  Datum eval(const ExprAst& x) {
    switch (x.kind) {
      case AstKind::kInt: return x.integer;
      case AstKind::kFloat: return x.number;
      case AstKind::kString: return make_text(x.text);
      case AstKind::kBool: return x.integer != 0;
      case AstKind::kNone: return None{};
      case AstKind::kName: return e_.resolve(x, scope_);
      case AstKind::kUnary: return unary(x);
      case AstKind::kBinary: return binary(x);
      case AstKind::kConditional: return conditional(x);
      case AstKind::kList: return list(x);
      case AstKind::kIndex: return index(x);
      case AstKind::kCall: return call(x);
      case AstKind::kField:
        return e_.field_of(eval(*x.args[0]), x.text, x.operator_span);
      case AstKind::kTemplate: return interpolate(x);
      case AstKind::kSlice:
      case AstKind::kEllipsis: break;
    }
    fail("L0336", x.span, "this has a meaning only inside `x[...]`");
  }

 private:
  Datum list(const ExprAst& x) {
    std::vector<Datum> items;
    for (const ExprRef& item : x.args) {
      items.push_back(eval(*item));
      if (items.back().unknown()) return Unknown{};
    }
    return make_list(std::move(items));
  }

  // `${x}` alone is x itself, so that none can be handed on.
  Datum interpolate(const ExprAst& x) {
    if (x.args.size() == 1) return eval(*x.args[0]);
    std::string text;
    for (const ExprRef& part : x.args) {
      const Datum value = eval(*part);
      if (value.unknown()) return value;
      if (value.tensor() || value.layer()) {
        fail("L0336", part->span, described(value) + " has no text");
      }
      text += interpolated(value);
    }
    return make_text(std::move(text));
  }

  // A condition that decides while building.
  std::optional<bool> decide(const ExprAst& x) {
    const Datum value = eval(x);
    if (value.unknown()) return std::nullopt;
    if (const bool* decided = value.as<bool>()) return *decided;
    if (value.tensor()) {
      fail("L0336", x.span,
           "a condition is decided while building, and this is a tensor",
           "`where(condition, a, b)` chooses element by element");
    }
    fail("L0336", x.span,
         "a condition is true or false, and this is " + described(value));
  }

  Datum conditional(const ExprAst& x) {
    const std::optional<bool> condition = decide(*x.args[0]);
    if (!condition) return Unknown{};
    return eval(*x.args[*condition ? 1 : 2]);
  }

  Datum operator_call(const OpDef* op, const ExprAst& x,
                      std::vector<Datum> operands) {
    if (op == nullptr) {
      fail("L0336", x.operator_span,
           cat({"`", x.text, "` does not work on tensors"}));
    }
    OpCall call;
    call.op = op;
    call.span = x.span;
    CallArgs args;
    for (size_t i = 0; i < operands.size(); ++i) {
      call.positional.push_back(e_.op_arg(operands[i], x.args[i]->span));
      args.positional.push_back({std::move(operands[i]), x.args[i]->span});
    }
    return append(std::move(call), args);
  }

  // Calls the op. A word that it cannot take was probably meant as a name.
  Datum append(OpCall call, const CallArgs& args) {
    try {
      return e_.call_op(std::move(call));
    } catch (const SpecError& error) {
      Diagnostic diagnostic = error.diagnostics().front();
      for (const CallArg& arg : args.positional) {
        if (arg.span.begin != diagnostic.span.begin) continue;
        for (std::string& note : word_notes(arg.value)) {
          diagnostic.notes.push_back(std::move(note));
        }
        if (diagnostic.help.empty()) diagnostic.help = word_help(arg.value);
      }
      throw SpecError(std::move(diagnostic));
    }
  }

  Datum unary(const ExprAst& x) {
    const Datum a = eval(*x.args[0]);
    if (a.unknown()) return a;
    const bool sizes = a.is<SizeNumber>();
    if ((sizes || a.tensor()) && x.text == "+") return a;
    const OpDef* op = OpRegistry::instance().find_prefix(x.text);
    if (sizes && op && op->map) return apply_to_sizes(*op, {a}, x.span);
    if (!a.tensor()) return plain_unary(x.text, a, x.span);
    return operator_call(op, x, {a});
  }

  // `and` and `or` do not look at their second operand in vain.
  Datum logical(const ExprAst& x) {
    const Datum a = eval(*x.args[0]);
    if (a.unknown()) return a;
    const bool* decided = a.as<bool>();
    if (decided != nullptr && *decided == (x.text == "or")) return a;
    const Datum b = eval(*x.args[1]);
    if (b.unknown()) return b;
    if (a.tensor() || b.tensor()) {
      return operator_call(OpRegistry::instance().find_infix(x.text), x,
                           {a, b});
    }
    if (decided != nullptr && b.is<bool>()) return b;
    fail("L0336", x.operator_span,
         cat({"`", x.text, "` joins true and false, and this is ",
              described(decided == nullptr ? a : b)}));
  }

  Datum binary(const ExprAst& x) {
    if (x.text == "and" || x.text == "or") return logical(x);
    const Datum a = eval(*x.args[0]);
    const Datum b = eval(*x.args[1]);
    if (a.unknown() || b.unknown()) return Unknown{};
    if (!a.tensor() && !b.tensor()) {
      const OpDef* op = needs_sizes(x.text, a, b)
                            ? OpRegistry::instance().find_infix(x.text)
                            : nullptr;
      if (op && op->map) {
        // As in Python, a power of integers may be a fraction.
        const Datum right = x.text == "**" ? as_real(b) : b;
        return apply_to_sizes(*op, {a, right}, x.span);
      }
      return plain_binary(x.text, a, b, x.operator_span);
    }
    // Whether an optional input is there is decided while building.
    if (a.none() || b.none()) {
      if (x.text == "==") return false;
      if (x.text == "!=") return true;
    }
    return operator_call(OpRegistry::instance().find_infix(x.text), x, {a, b});
  }

  Datum index(const ExprAst& x) {
    const Datum base = eval(*x.args[0]);
    std::vector<IndexItem> items;
    for (size_t i = 1; i < x.args.size(); ++i) {
      items.push_back(index_item(*x.args[i]));
    }
    return index_datum(e_, base, items, x.span);
  }

  IndexItem index_item(const ExprAst& x) {
    IndexItem item;
    item.span = x.span;
    if (x.kind == AstKind::kEllipsis) {
      item.kind = IndexItem::Kind::kEllipsis;
    } else if (x.kind == AstKind::kSlice) {
      item.kind = IndexItem::Kind::kSlice;
      for (size_t i = 0; i < 3; ++i) {
        if (i < x.args.size() && x.args[i]) item.bounds[i] = eval(*x.args[i]);
      }
    } else {
      item.bounds[0] = eval(x);
      item.kind = item.bounds[0].none() ? IndexItem::Kind::kNewAxis
                                        : IndexItem::Kind::kIndex;
    }
    return item;
  }

  CallArgs arguments(const ExprAst& x) {
    CallArgs args;
    args.span = x.span;
    for (size_t i = 1; i < x.args.size(); ++i) {
      args.positional.push_back({eval(*x.args[i]), x.args[i]->span});
    }
    for (const KeywordArg& keyword : x.keywords) {
      args.keywords.emplace_back(
          Name{keyword.name, keyword.span},
          CallArg{eval(*keyword.value), keyword.value->span});
    }
    return args;
  }

  // The layer that a call names, or nothing if it names an op or function.
  std::optional<Datum> callee_layer(const ExprAst& callee) {
    if (callee.kind != AstKind::kName) return eval(callee);
    std::optional<Datum> found =
        e_.find_name(callee.text, scope_, callee.span);
    if (!found || found->unknown()) return found;
    if (found->layer()) {
      const bool recipe = found->is<std::shared_ptr<const LayerRecipe>>();
      if (!recipe || scope_.frame == nullptr) return found;
      const ParamDecl* param = scope_.layer->type->find_param(callee.text);
      if (param == nullptr) return found;
      return e_.param_layer(*scope_.layer, *param);
    }
    if (is_function(callee.text)) return std::nullopt;
    if (lists_no_layers(callee.text, *found)) return found;
    fail("L0335", callee.span, not_callable(callee.text, *found),
         absent_help(callee.text));
  }

  // `repeat: 0`: a chain of no layers.
  bool lists_no_layers(std::string_view name, const Datum& datum) const {
    const DatumList* list = datum.as<DatumList>();
    return list != nullptr && (*list)->empty() && scope_.layer != nullptr &&
           scope_.layer->type->find_layer(name) != nullptr;
  }

  bool is_function(std::string_view name) const {
    return find_builtin(name) != nullptr ||
           OpRegistry::instance().find(name) != nullptr;
  }

  static std::string not_callable(const std::string& name,
                                  const Datum& datum) {
    return cat({"`", name, "` is ", described(datum),
                ", which cannot be called"});
  }

  std::string absent_help(std::string_view name) const {
    if (scope_.layer == nullptr) return "";
    const LayerDecl* decl = scope_.layer->type->find_layer(name);
    if (decl == nullptr || decl->when == nullptr) return "";
    return cat({"it is left out, because `when: ", to_string(*decl->when),
                "` is false"});
  }

  Datum call(const ExprAst& x) {
    const ExprAst& callee = *x.args[0];
    const std::optional<Datum> layer = callee_layer(callee);
    if (layer && layer->unknown()) return *layer;
    const CallArgs args = arguments(x);
    if (!layer) return call_function(callee, args);
    if (scope_.frame == nullptr) {
      fail("L0335", x.span, "layers can be called in a body only");
    }
    return e_.call(*layer, args);
  }

  bool plain(const CallArgs& args) const {
    for (const CallArg& arg : args.positional) {
      if (arg.value.tensor()) return false;
      const DatumList* list = arg.value.as<DatumList>();
      if (list == nullptr) continue;
      for (const Datum& item : **list) {
        if (item.tensor()) return false;
      }
    }
    return args.keywords.empty();
  }

  // A built-in function where all arguments are plain, else the op.
  Datum call_function(const ExprAst& callee, const CallArgs& args) {
    const BuiltinFunction* builtin = find_builtin(callee.text);
    const OpDef* op = OpRegistry::instance().find(callee.text);
    const bool op_wins = builtin != nullptr && builtin->op_in_body &&
                         scope_.frame != nullptr && !scope_.in_for;
    if (any_unknown(args.positional)) return Unknown{};
    const bool op_instead =
        op != nullptr &&
        (op_wins || (builtin != nullptr && waits_for_sizes(*builtin, args)));
    if (builtin != nullptr && plain(args) && !op_instead) {
      std::vector<Datum> values;
      for (const CallArg& arg : args.positional) values.push_back(arg.value);
      return apply_builtin(*builtin, values, args.span);
    }
    if (op == nullptr) unknown_function(callee);
    return call_op(*op, args);
  }

  [[noreturn]] void unknown_function(const ExprAst& callee) {
    std::vector<std::string> names = e_.visible_names(scope_);
    for (const BuiltinFunction& function : builtin_functions()) {
      names.emplace_back(function.name);
    }
    for (const auto& [name, op] : OpRegistry::instance().all()) {
      names.push_back(name);
    }
    fail("L0330", callee.span,
         cat({"nothing that can be called is named `", callee.text, "`"}),
         did_you_mean(callee.text, names));
  }

  // Numbers alone give a number, whatever the op.
  std::optional<Datum> fold(const OpDef& op, const CallArgs& args) {
    if (!op.map || !args.keywords.empty()) return std::nullopt;
    std::vector<std::variant<bool, int64_t, double>> values;
    const size_t wanted =
        OpRegistry::instance().signature(op).params.size();
    const bool numbers =
        std::all_of(args.positional.begin(), args.positional.end(),
                    [](const CallArg& arg) { return arg.value.number(); });
    if (!numbers || args.positional.size() != wanted) return std::nullopt;
    const bool sizes =
        std::any_of(args.positional.begin(), args.positional.end(),
                    [](const CallArg& arg) { return arg.value.symbolic(); });
    if (sizes) {
      std::vector<Datum> operands;
      for (const CallArg& arg : args.positional) operands.push_back(arg.value);
      return apply_to_sizes(op, operands, args.span);
    }
    for (const CallArg& arg : args.positional) {
      if (const bool* flag = arg.value.as<bool>()) {
        values.emplace_back(*flag);
      } else if (const Dim* dim = arg.value.as<Dim>()) {
        values.emplace_back(dim->value());
      } else {
        values.emplace_back(*arg.value.as<double>());
      }
    }
    const auto result = fold_op(op, values);
    return std::visit([](auto value) { return Datum(value); }, result);
  }

  // Whether the op of the function's name must take its place: the function
  // computes while building.
  static bool waits_for_sizes(const BuiltinFunction& function,
                              const CallArgs& args) {
    return std::any_of(args.positional.begin(), args.positional.end(),
                       [&](const CallArg& arg) {
                         return arg.value.is<SizeNumber>() ||
                                (function.result == "float" &&
                                 arg.value.symbolic());
                       });
  }

  Datum call_op(const OpDef& op, const CallArgs& args) {
    if (std::optional<Datum> number = fold(op, args)) return *number;
    OpCall call;
    call.op = &op;
    call.span = args.span;
    for (const CallArg& arg : args.positional) {
      call.positional.push_back(e_.op_arg(arg.value, arg.span));
    }
    for (const auto& [name, arg] : args.keywords) {
      if (arg.value.unknown()) return Unknown{};
      call.keywords.emplace_back(name.text, e_.op_arg(arg.value, arg.span));
    }
    if (const auto number = fold_call(call)) {
      return std::visit([](auto value) { return Datum(value); }, *number);
    }
    if (scope_.frame == nullptr) {
      fail("L0335", args.span,
           cat({"the op `", op.name, "` can be called in a body only"}));
    }
    return append(std::move(call), args);
  }

  Elaborator& e_;
  const Scope& scope_;
};

}  // namespace

Datum Elaborator::evaluate(const ExprAst& expr, const Scope& scope) {
  return Evaluator(*this, scope).eval(expr);
}

}  // namespace lathe
