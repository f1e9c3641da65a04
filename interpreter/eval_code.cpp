#include "interpreter/eval_code.h"

#include "spec/check.h"

namespace lathe {
namespace {

// The expression with sizes as numbers; the builders fold what follows.
Expr bind_sizes(const Expr& expr, const DimBindings& dims) {
  return transform(expr, [&](const Expr& node) {
    const SizeOf* size = std::get_if<SizeOf>(&node->node);
    return size ? int_literal(size->dim.eval(dims)) : Expr();
  });
}

const int64_t* integer_of(const Expr& expr) {
  const Literal* literal = std::get_if<Literal>(&expr->node);
  return literal ? std::get_if<int64_t>(&literal->value) : nullptr;
}

}  // namespace

int EvalCompiler::variable(const Var& v) {
  return variables_.emplace(v.get(), variable_count()).first->second;
}

EvalNode EvalCompiler::compile(const Expr& expr) {
  return compile_bound(bind_sizes(expr, dims_));
}

EvalNode EvalCompiler::compile_bound(const Expr& expr) {
  EvalNode node;
  node.type = expr->type;
  if (const auto* load = std::get_if<Load>(&expr->node)) {
    return compile_load(*load);
  }
  if (const auto* reduce = std::get_if<Reduce>(&expr->node)) {
    node.kind = EvalKind::kReduce;
    node.reduce = reduce->op;
    for (const ReduceAxis& axis : reduce->axes) {
      node.axes.push_back({variable(axis.var), axis.extent.eval(dims_)});
    }
  } else if (const auto* literal = std::get_if<Literal>(&expr->node)) {
    node.constant = literal->value;
  } else if (const auto* ref = std::get_if<VarRef>(&expr->node)) {
    node.kind = EvalKind::kVariable;
    node.variable = variable(ref->var);
  } else if (const auto* call = std::get_if<Call>(&expr->node)) {
    const bool selects = call->op == ScalarOp::kSelect;
    node.kind = selects ? EvalKind::kSelect : EvalKind::kCall;
    node.function = &scalar_function(call->op);
  } else if (const auto* cast = std::get_if<Cast>(&expr->node)) {
    node.kind = EvalKind::kCast;
    node.dtype = cast->dtype;
  } else {
    LATHE_CHECK(std::holds_alternative<CheckedIndex>(expr->node),
                "the reference cannot evaluate ", to_string(expr));
    node.kind = EvalKind::kChecked;
  }
  for (const Expr& child : children_of(expr)) {
    node.args.push_back(compile_bound(child));
  }
  return node;
}

// Adds factor * expr to `sum` if it is affine; changes nothing otherwise.
bool EvalCompiler::affine(const Expr& expr, int64_t factor, Affine& sum) {
  if (const int64_t* value = integer_of(expr)) {
    sum.offset += factor * *value;
    return true;
  }
  if (const auto* ref = std::get_if<VarRef>(&expr->node)) {
    sum.terms.push_back({variable(ref->var), factor});
    return true;
  }
  const auto* call = std::get_if<Call>(&expr->node);
  if (!call) return false;
  Affine both = sum;
  const bool adds = call->op == ScalarOp::kAdd;
  if (adds || call->op == ScalarOp::kSub) {
    if (!affine(call->args[0], factor, both)) return false;
    if (!affine(call->args[1], adds ? factor : -factor, both)) return false;
  } else if (call->op == ScalarOp::kMul) {
    const int64_t* right = integer_of(call->args[1]);
    const int64_t* left = integer_of(call->args[0]);
    if (!left && !right) return false;
    const Expr& other = call->args[right ? 0 : 1];
    if (!affine(other, factor * (right ? *right : *left), both)) return false;
  } else {
    return false;
  }
  sum = std::move(both);
  return true;
}

EvalNode EvalCompiler::compile_load(const Load& load) {
  EvalNode node;
  node.kind = EvalKind::kLoad;
  node.type = compute_type(load.dtype);
  node.slot = load.slot;
  node.cache = loads_++;
  LATHE_CHECK(load.slot < static_cast<int>(slots_.size()), "no slot ",
              load.slot);
  const std::vector<int64_t>& shape = slots_[load.slot].shape();
  LATHE_CHECK(shape.size() == load.index.size(), "slot ", load.slot, " has ",
              shape.size(), " axes, read with ", load.index.size());
  Affine address;
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (!affine(load.index[i], stride, address)) {
      node.args.push_back(compile_bound(load.index[i]));
      node.strides.push_back(stride);
    }
    stride *= shape[i];
  }
  node.offset = address.offset;
  node.terms = std::move(address.terms);
  return node;
}

}  // namespace lathe
