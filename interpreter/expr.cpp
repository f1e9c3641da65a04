#include "interpreter/expr.h"

#include <algorithm>
#include <utility>

#include "interpreter/scalar_ops.h"
#include "spec/check.h"

namespace lathe {
namespace {

enum class ResultRule { kSame, kCompare, kFloat, kInt, kDecoded };

struct ScalarOpRow {
  const char* name;
  int arity;
  ResultRule result;
};

constexpr ScalarOpRow kScalarOps[] = {
#define LATHE_SCALAR_OP(id, name, arity, result) \
  {name, arity, ResultRule::result},
#include "interpreter/scalar_ops.def"
#undef LATHE_SCALAR_OP
};

const ScalarOpRow& row_of(ScalarOp op) {
  return kScalarOps[static_cast<size_t>(op)];
}

Expr make(NumType type, int lanes, bool weak, decltype(ExprNode::node) node) {
  return Expr(std::make_shared<const ExprNode>(
      ExprNode{type, lanes, weak, std::move(node)}));
}

const Number* number_of(const Expr& expr) {
  const Literal* literal = std::get_if<Literal>(&expr->node);
  return literal ? &literal->value : nullptr;
}

// A literal of `type`; weak ones keep all digits until they meet their type.
Expr make_literal(NumType type, const Number& number, bool weak) {
  switch (type) {
    case NumType::kBool:
      return make(type, 1, weak, Literal{as_bool(number)});
    case NumType::kInt64:
      return make(type, 1, weak, Literal{as_int(number)});
    case NumType::kFloat32: {
      const double value = as_double(number);
      return make(type, 1, weak,
                  Literal{weak ? value : round_to(DType::kFloat32, value)});
    }
    case NumType::kFloat64:
      return make(type, 1, weak, Literal{as_double(number)});
  }
  LATHE_CHECK(false, "unknown number type");
}

// The type in which literals and operands of a call meet: that of the strong
// operands, else float if there is a weak float.
NumType common_type(ScalarOp op, const Expr* begin, const Expr* end) {
  const Expr* strong = std::find_if(
      begin, end, [](const Expr& arg) { return !arg->weak; });
  const auto is_weak_float = [](const Expr& arg) {
    return arg->weak && is_float(arg->type);
  };
  const Expr* weak_float = std::find_if(begin, end, is_weak_float);
  if (strong == end) return weak_float != end ? (*weak_float)->type
                                              : (*begin)->type;
  LATHE_CHECK(weak_float == end || is_float((*strong)->type),
              "a float literal beside integers in ", name_of(op));
  return (*strong)->type;
}

// Gives the weak literals in [begin, end) the common type; returns it.
NumType unify(ScalarOp op, Expr* begin, Expr* end) {
  const NumType type = common_type(op, begin, end);
  const bool weak =
      std::all_of(begin, end, [](const Expr& arg) { return arg->weak; });
  for (Expr* arg = begin; arg != end; ++arg) {
    if ((*arg)->weak) {
      *arg = make_literal(type, *number_of(*arg), weak);
    }
    LATHE_CHECK((*arg)->type == type, name_of(op), " of ", to_string(type),
                " and ", to_string((*arg)->type));
  }
  return type;
}

int common_lanes(const std::vector<Expr>& args) {
  int lanes = 1;
  for (const Expr& arg : args) {
    LATHE_CHECK(lanes == 1 || arg->lanes == 1 || arg->lanes == lanes,
                "lanes differ: ", lanes, " and ", arg->lanes);
    lanes = std::max(lanes, arg->lanes);
  }
  return lanes;
}

bool is_number(const Expr& expr, double value) {
  const Number* number = number_of(expr);
  return number && !std::holds_alternative<bool>(*number) &&
         as_double(*number) == value;
}

// The value of a call whose arguments are all literals.
Expr fold_literals(ScalarOp op, NumType arg_type, NumType result,
                   const std::vector<Expr>& args) {
  std::vector<Number> numbers;
  bool weak = true;
  for (const Expr& arg : args) {
    const Number* number = number_of(arg);
    if (!number) return {};
    weak &= arg->weak;
    numbers.push_back(*number);
  }
  const Number value = apply_scalar(op, arg_type, numbers);
  return make_literal(result, value, weak && result != NumType::kBool);
}

// x op y where one side is a number that makes the call trivial.
Expr fold_trivial(ScalarOp op, const std::vector<Expr>& args) {
  const Expr& x = args[0];
  const Expr& y = args.back();
  const bool integer = x->type == NumType::kInt64;
  if (op == ScalarOp::kAdd) {
    if (is_number(y, 0)) return x;
    if (is_number(x, 0)) return y;
  } else if (op == ScalarOp::kSub) {
    if (is_number(y, 0)) return x;
  } else if (op == ScalarOp::kMul) {
    if (is_number(y, 1)) return x;
    if (is_number(x, 1)) return y;
    if (integer && is_number(x, 0)) return x;
    if (integer && is_number(y, 0)) return y;
  } else if (op == ScalarOp::kDiv) {
    if (is_number(y, 1)) return x;
  } else if (op == ScalarOp::kFloorDiv && integer) {
    if (is_number(y, 1) || is_number(x, 0)) return x;
  } else if (op == ScalarOp::kMod && integer) {
    if (is_number(y, 1)) return int_literal(0);
    if (is_number(x, 0)) return x;
  }
  return {};
}

// Logic with a known side, and select with a known condition.
Expr fold_logic(ScalarOp op, const std::vector<Expr>& args) {
  const auto truth = [](const Expr& arg) -> const bool* {
    const Number* number = number_of(arg);
    return number ? std::get_if<bool>(number) : nullptr;
  };
  const bool* left = truth(args[0]);
  if (op == ScalarOp::kSelect) {
    return left ? (*left ? args[1] : args[2]) : Expr();
  }
  if (op != ScalarOp::kAnd && op != ScalarOp::kOr) return {};
  const bool neutral = op == ScalarOp::kAnd;
  if (left) return *left == neutral ? args[1] : args[0];
  const bool* right = truth(args[1]);
  if (right) return *right == neutral ? args[0] : args[1];
  return {};
}

NumType result_type(ScalarOp op, NumType type) {
  switch (row_of(op).result) {
    case ResultRule::kSame:
      LATHE_CHECK(type != NumType::kBool || op == ScalarOp::kSelect,
                  name_of(op), " of bools");
      return type;
    case ResultRule::kCompare:
      return NumType::kBool;
    case ResultRule::kFloat:
      LATHE_CHECK(is_float(type), name_of(op), " of ", to_string(type));
      return type;
    case ResultRule::kInt:
    case ResultRule::kDecoded:
      LATHE_CHECK(type == NumType::kInt64, name_of(op), " of ",
                  to_string(type));
      return row_of(op).result == ResultRule::kInt ? type
                                                   : NumType::kFloat32;
  }
  LATHE_CHECK(false, "unknown rule");
}

}  // namespace

NumType compute_type(DType dtype) {
  if (is_bool(dtype)) return NumType::kBool;
  if (is_int(dtype)) return NumType::kInt64;
  return dtype == DType::kFloat64 ? NumType::kFloat64 : NumType::kFloat32;
}

DType storage_type(NumType type) {
  switch (type) {
    case NumType::kBool:
      return DType::kBool;
    case NumType::kInt64:
      return DType::kInt64;
    case NumType::kFloat32:
      return DType::kFloat32;
    case NumType::kFloat64:
      return DType::kFloat64;
  }
  LATHE_CHECK(false, "unknown number type");
}

bool is_float(NumType type) {
  return type == NumType::kFloat32 || type == NumType::kFloat64;
}

const char* to_string(NumType type) {
  return info(storage_type(type)).name.data();
}

const char* name_of(ScalarOp op) { return row_of(op).name; }
int arity_of(ScalarOp op) { return row_of(op).arity; }

const char* name_of(ReduceOp op) {
  switch (op) {
    case ReduceOp::kSum:
      return "sum";
    case ReduceOp::kProd:
      return "prod";
    case ReduceOp::kMin:
      return "min";
    case ReduceOp::kMax:
      return "max";
    case ReduceOp::kArgMin:
      return "argmin";
    case ReduceOp::kArgMax:
      return "argmax";
  }
  LATHE_CHECK(false, "unknown reduction");
}

Expr::Expr(double value)
    : Expr(make_literal(NumType::kFloat32, value, true)) {}
Expr::Expr(int value) : Expr(static_cast<int64_t>(value)) {}
Expr::Expr(int64_t value)
    : Expr(make_literal(NumType::kInt64, value, true)) {}
Expr::Expr(std::shared_ptr<const ExprNode> node) : node_(std::move(node)) {}

Var make_var(std::string name, NumType type, int lanes) {
  return std::make_shared<const VarInfo>(
      VarInfo{std::move(name), type, lanes});
}

Expr literal(bool value) {
  return make_literal(NumType::kBool, value, false);
}
Expr float_literal(double value, NumType type) {
  LATHE_CHECK(is_float(type), "a float literal of type ", to_string(type));
  return make_literal(type, value, false);
}
Expr int_literal(int64_t value) {
  return make_literal(NumType::kInt64, value, false);
}

Expr zero_of(NumType type) {
  if (type == NumType::kBool) return literal(false);
  return type == NumType::kInt64 ? int_literal(0) : float_literal(0, type);
}

Expr var(const Var& v) { return make(v->type, v->lanes, false, VarRef{v}); }

Expr size_of(const Dim& dim) {
  if (dim.is_static()) return int_literal(dim.value());
  return make(NumType::kInt64, 1, false, SizeOf{dim});
}

Expr load(int slot, DType dtype, std::vector<Expr> index) {
  LATHE_CHECK(slot >= 0, "a load of slot ", slot);
  for (Expr& i : index) {
    LATHE_CHECK(i->type == NumType::kInt64, "an index of type ",
                to_string(i->type));
    if (i->weak) i = make_literal(NumType::kInt64, *number_of(i), false);
  }
  const int lanes = common_lanes(index);
  return make(compute_type(dtype), lanes, false,
              Load{slot, dtype, std::move(index)});
}

Expr call(ScalarOp op, std::vector<Expr> args) {
  LATHE_CHECK(static_cast<int>(args.size()) == arity_of(op), name_of(op),
              " of ", args.size(), " arguments");
  const bool selects = op == ScalarOp::kSelect;
  if (selects) {
    LATHE_CHECK(args[0]->type == NumType::kBool, "select on ",
                to_string(args[0]->type));
  }
  const NumType type =
      unify(op, args.data() + (selects ? 1 : 0), args.data() + args.size());
  const NumType result = result_type(op, type);
  if (Expr folded = fold_literals(op, type, result, args)) return folded;
  if (Expr folded = fold_trivial(op, args)) return folded;
  if (Expr folded = fold_logic(op, args)) return folded;
  const int lanes = common_lanes(args);
  const bool weak = false;
  return make(result, lanes, weak, Call{op, std::move(args)});
}

Expr cast(DType dtype, const Expr& arg) {
  const NumType type = compute_type(dtype);
  const bool keeps_all = dtype == storage_type(type);
  const auto* before = std::get_if<Cast>(&arg->node);
  if (before != nullptr && before->dtype == dtype) return arg;
  if (const Number* number = number_of(arg)) {
    if (keeps_all) return make_literal(type, *number, false);
  } else if (arg->type == type && keeps_all) {
    return arg;
  }
  return make(type, arg->lanes, false, Cast{dtype, arg});
}

Expr convert(NumType type, const Expr& arg) {
  return cast(storage_type(type), arg);
}

Expr reduce(ReduceOp op, std::vector<ReduceAxis> axes, const Expr& body) {
  LATHE_CHECK(body->type != NumType::kBool, name_of(op), " of bools");
  LATHE_CHECK(!axes.empty(), name_of(op), " over no axis");
  const bool arg_form = is_arg(op);
  LATHE_CHECK(!arg_form || axes.size() == 1, name_of(op), " over ",
              axes.size(), " axes");
  const Expr strong =
      body->weak ? make_literal(body->type, *number_of(body), false) : body;
  return make(arg_form ? NumType::kInt64 : body->type, body->lanes, false,
              Reduce{op, std::move(axes), strong});
}

Expr checked_index(const Expr& index, const Expr& extent,
                   const Expr& position, int site) {
  LATHE_CHECK(index->type == NumType::kInt64, "an index of type ",
              to_string(index->type));
  return make(NumType::kInt64, index->lanes, false,
              CheckedIndex{index, extent, position, site});
}

std::vector<Expr> children_of(const Expr& expr) {
  if (const auto* load = std::get_if<Load>(&expr->node)) return load->index;
  if (const auto* call = std::get_if<Call>(&expr->node)) return call->args;
  if (const auto* cast = std::get_if<Cast>(&expr->node)) return {cast->arg};
  if (const auto* reduce = std::get_if<Reduce>(&expr->node)) {
    return {reduce->body};
  }
  if (const auto* checked = std::get_if<CheckedIndex>(&expr->node)) {
    return {checked->index, checked->extent, checked->position};
  }
  if (const auto* ramp = std::get_if<Ramp>(&expr->node)) return {ramp->base};
  return {};
}

Expr with_children(const Expr& expr, std::vector<Expr> children) {
  if (const auto* node = std::get_if<Load>(&expr->node)) {
    return load(node->slot, node->dtype, std::move(children));
  }
  if (const auto* node = std::get_if<Call>(&expr->node)) {
    return call(node->op, std::move(children));
  }
  if (const auto* node = std::get_if<Cast>(&expr->node)) {
    return cast(node->dtype, children[0]);
  }
  if (const auto* node = std::get_if<Reduce>(&expr->node)) {
    return reduce(node->op, node->axes, children[0]);
  }
  if (const auto* node = std::get_if<CheckedIndex>(&expr->node)) {
    return checked_index(children[0], children[1], children[2], node->site);
  }
  if (const auto* node = std::get_if<Ramp>(&expr->node)) {
    return ramp(children[0], node->stride, node->lanes);
  }
  return expr;
}

Expr ramp(const Expr& base, int64_t stride, int lanes) {
  LATHE_CHECK(base->type == NumType::kInt64 && base->lanes == 1,
              "a ramp from ", to_string(base->type));
  return make(NumType::kInt64, lanes, false, Ramp{base, stride, lanes});
}

}  // namespace lathe
