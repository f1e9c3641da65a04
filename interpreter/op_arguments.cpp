#include "interpreter/op_arguments.h"

#include <algorithm>

#include <fmt/core.h>

#include "spec/diagnostic.h"
#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

// What other libraries call a parameter, and what it is called here.
struct Synonym {
  std::string_view theirs, ours;
};
constexpr Synonym kSynonyms[] = {
    {"dim", "axis"},      {"dims", "axis"},     {"keepdim", "keepdims"},
    {"input", "x"},       {"other", "y"},       {"eps", "epsilon"},
    {"index", "indices"}, {"src", "updates"},   {"sizes", "split_sizes"},
    {"weight", "gamma"},  {"bias", "beta"},     {"kernel_size", "kernel"},
    {"axes", "axis"},     {"size", "shape"},    {"pad", "paddings"},
};

std::string signature_note(const OpCall& call) {
  return "signature: " + signature_text(*call.op);
}

class Binder {
 public:
  Binder(const OpSignature& signature, const OpCall& call)
      : params_(signature.params), call_(call), bound_(params_.size()) {}

  std::vector<OpArg> run() {
    bind_positional();
    for (const auto& [name, arg] : call_.keywords) bind_keyword(name, arg);
    std::vector<OpArg> args;
    for (size_t i = 0; i < params_.size(); ++i) args.push_back(take(i));
    return args;
  }

 private:
  [[noreturn]] void wrong(const SourceSpan& span, std::string message,
                          std::string help = "") const {
    fail("L0320", span.known() ? span : call_.span, std::move(message),
         std::move(help), {signature_note(call_)});
  }

  void bind_positional() {
    const size_t count = call_.positional.size();
    if (count > params_.size()) {
      wrong(call_.positional[params_.size()].span,
            cat({"`", call_.op->name, "` takes ", params_.size(),
                 params_.size() == 1 ? " argument" : " arguments",
                 " and gets ", count}));
    }
    for (size_t i = 0; i < count; ++i) bound_[i] = &call_.positional[i];
  }

  void bind_keyword(const std::string& name, const OpArg& arg) {
    const auto found =
        std::find_if(params_.begin(), params_.end(),
                     [&](const OpParam& p) { return p.name == name; });
    if (found == params_.end()) {
      wrong(arg.span,
            cat({"`", call_.op->name, "` has no argument `", name, "`"}),
            help_for(name));
    }
    const OpArg*& slot = bound_[found - params_.begin()];
    if (slot) {
      wrong(arg.span,
            cat({"`", call_.op->name, "` gets `", name, "` twice"}));
    }
    slot = &arg;
  }

  std::string help_for(const std::string& name) const {
    std::vector<std::string> names;
    for (const OpParam& param : params_) names.push_back(param.name);
    for (const Synonym& row : kSynonyms) {
      if (row.theirs != name) continue;
      if (std::count(names.begin(), names.end(), row.ours)) {
        return cat({"`", name, "` is called `", row.ours, "` here"});
      }
    }
    return did_you_mean(name, names);
  }

  OpArg take(size_t i) const {
    const OpParam& param = params_[i];
    if (!bound_[i]) {
      if (param.default_value) return *param.default_value;
      wrong(call_.span,
            cat({"`", call_.op->name, "` needs the argument `", param.name,
                 "`"}));
    }
    OpArg arg = *bound_[i];
    if (!coerce(param, arg)) {
      wrong(arg.span, cat({"`", param.name, "` of `", call_.op->name,
                           "` wants ", wanted(param), " and gets ",
                           describe(arg)}),
            help_for_value(param, arg));
    }
    return arg;
  }

  std::string help_for_value(const OpParam& param, const OpArg& arg) const {
    const auto* text = std::get_if<std::string>(&arg.value);
    if (text && param.kind == OpParamKind::kDType && parse_dtype(*text)) {
      return cat({"a dtype has no quotes: `", *text, "`"});
    }
    if (text) return did_you_mean(*text, param.choices);
    const bool list = std::holds_alternative<OpArgs>(arg.value);
    if (param.kind == OpParamKind::kTensors && !list) {
      return cat({"put the tensors into brackets: `", call_.op->name,
                  "([a, b])`"});
    }
    return "";
  }

  static std::string wanted(const OpParam& param) {
    if (!param.choices.empty()) {
      return "one of " + join(param.choices, ", ");
    }
    switch (param.kind) {
      case OpParamKind::kTensor:
        return "a tensor";
      case OpParamKind::kTensors:
        return "a list of tensors";
      case OpParamKind::kInt:
        return "an integer";
      case OpParamKind::kInts:
        return "a list of integers";
      case OpParamKind::kFloat:
        return "a number";
      case OpParamKind::kBool:
        return "true or false";
      case OpParamKind::kString:
        return "a text";
      case OpParamKind::kDType:
        return "a dtype of values";
      case OpParamKind::kNumbers:
        return "numbers";
    }
    return "";
  }

  static bool is_integer(const OpArg& arg) {
    return std::holds_alternative<Dim>(arg.value);
  }

  static bool is_number(const OpArg& arg) {
    return std::holds_alternative<Dim>(arg.value) ||
           std::holds_alternative<double>(arg.value) ||
           std::holds_alternative<bool>(arg.value);
  }

  static bool depends_on_sizes(const OpArg& arg) {
    return std::holds_alternative<Expr>(arg.value);
  }

  static bool is_tensor(const OpArg& arg) {
    return std::holds_alternative<TensorArg>(arg.value);
  }

  template <typename Test>
  static bool is_list(const OpArg& arg, Test test) {
    const auto* list = std::get_if<OpArgs>(&arg.value);
    return list && std::all_of(list->begin(), list->end(), test);
  }

  static bool are_numbers(const OpArg& arg) {
    return is_number(arg) || is_list(arg, are_numbers);
  }

  // Whether the argument is of the parameter's kind; brings close ones (an
  // integer for a float, one integer for a list) into its form.
  static bool coerce(const OpParam& param, OpArg& arg) {
    if (std::holds_alternative<std::monostate>(arg.value)) {
      return param.optional;
    }
    switch (param.kind) {
      case OpParamKind::kTensor:
        return is_tensor(arg) || is_number(arg) || depends_on_sizes(arg);
      case OpParamKind::kTensors:
        return is_list(arg, is_tensor);
      case OpParamKind::kInt:
        return is_integer(arg);
      case OpParamKind::kInts:
        return is_integer(arg) || is_list(arg, is_integer);
      case OpParamKind::kFloat:
        if (const Dim* dim = std::get_if<Dim>(&arg.value)) {
          if (!dim->is_static()) return false;
          arg.value = static_cast<double>(dim->value());
        }
        return std::holds_alternative<double>(arg.value);
      case OpParamKind::kBool:
        return std::holds_alternative<bool>(arg.value);
      case OpParamKind::kString: {
        const auto* text = std::get_if<std::string>(&arg.value);
        return text && (param.choices.empty() ||
                        std::count(param.choices.begin(),
                                   param.choices.end(), *text));
      }
      case OpParamKind::kDType:
        return std::holds_alternative<DType>(arg.value) &&
               !is_block(std::get<DType>(arg.value));
      case OpParamKind::kNumbers:
        return are_numbers(arg);
    }
    return false;
  }

  const std::vector<OpParam>& params_;
  const OpCall& call_;
  std::vector<const OpArg*> bound_;
};

struct ArgPrinter {
  std::string operator()(std::monostate) const { return "none"; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(const Dim& dim) const { return dim.to_string(); }
  std::string operator()(double value) const {
    return fmt::format("{}", value);
  }
  std::string operator()(const Expr& number) const {
    return to_string(number);
  }
  std::string operator()(const std::string& text) const {
    return "'" + text + "'";
  }
  std::string operator()(DType dtype) const {
    return std::string(to_string(dtype));
  }
  std::string operator()(TensorArg tensor) const {
    return cat({"%", tensor.value});
  }
  std::string operator()(const OpArgs& list) const {
    std::vector<std::string> items;
    for (const OpArg& item : list) items.push_back(to_string(item));
    return "[" + join(items, ", ") + "]";
  }
};

struct ArgDescriber {
  std::string operator()(std::monostate) const { return "none"; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(const Dim& dim) const {
    return (dim.is_static() ? "the integer " : "the size ") + dim.to_string();
  }
  std::string operator()(double value) const {
    return fmt::format("the number {}", value);
  }
  std::string operator()(const Expr& number) const {
    return "a number that depends on sizes: " + to_string(number);
  }
  std::string operator()(const std::string& text) const {
    return "the text '" + text + "'";
  }
  std::string operator()(DType dtype) const {
    return cat({"the dtype ", to_string(dtype)});
  }
  std::string operator()(TensorArg) const { return "a tensor"; }
  std::string operator()(const OpArgs& list) const {
    const auto is_tensor = [](const OpArg& item) {
      return std::holds_alternative<TensorArg>(item.value);
    };
    if (list.empty() || !is_tensor(list[0])) {
      return "the list " + ArgPrinter()(list);
    }
    const auto other = std::find_if_not(list.begin(), list.end(), is_tensor);
    return other == list.end()
               ? "a list of tensors"
               : "a list of tensors with " + describe(*other) + " in it";
  }
};

}  // namespace

std::vector<OpArg> bind_arguments(const OpSignature& signature,
                                  const OpCall& call) {
  return Binder(signature, call).run();
}

std::string to_string(const OpArg& arg) {
  return std::visit(ArgPrinter(), arg.value);
}

std::string describe(const OpArg& arg) {
  return std::visit(ArgDescriber(), arg.value);
}

}  // namespace lathe
