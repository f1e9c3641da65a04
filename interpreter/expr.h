#pragma once
// Index expressions: the one language in which ops say what they compute,
// for example  out[i, j] = sum over k of x[i, k] * w[j, k].
//
// An Expr is a shared immutable tree that yields one scalar for given values
// of its index variables. The shape check, the reference result, the fused
// loops and the kernel text all come from it. Loop IR uses the same tree with
// flat addresses and vector lanes. Nothing here knows tensors' storage: a
// storage dtype appears only in Cast and where a stage stores its value.

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "spec/dim.h"
#include "spec/dtype.h"

namespace lathe {

// The types an expression computes in. Narrow floats are computed in
// kFloat32, all integers in kInt64; a stored value is rounded (floats) or
// wrapped (integers) to its dtype once, where it is stored.
enum class NumType : uint8_t { kBool, kInt64, kFloat32, kFloat64 };

// The type in which values of storage dtype `dtype` are computed.
NumType compute_type(DType dtype);
// The dtype that holds every value of a compute type.
DType storage_type(NumType type);
bool is_float(NumType type);
const char* to_string(NumType type);

// Scalar functions; see scalar_ops.def.
enum class ScalarOp : uint8_t {
#define LATHE_SCALAR_OP(id, name, arity, result) id,
#include "interpreter/scalar_ops.def"
#undef LATHE_SCALAR_OP
};

const char* name_of(ScalarOp op);
int arity_of(ScalarOp op);

// How a reduction combines its terms. The arg forms yield the int64 position
// of the first extreme term along the (single) axis. NaN wins min and max.
enum class ReduceOp : uint8_t { kSum, kProd, kMin, kMax, kArgMin, kArgMax };
const char* name_of(ReduceOp op);
// Whether it is one of the arg forms.
inline bool is_arg(ReduceOp op) {
  return op == ReduceOp::kArgMin || op == ReduceOp::kArgMax;
}

struct ExprNode;

// A handle to an immutable expression; cheap to copy. A default-constructed
// Expr is empty and only good for assignment.
class Expr {
 public:
  Expr() = default;
  Expr(double value);   // NOLINT: weak literal, takes the other side's type
  Expr(int value);      // NOLINT: weak literal
  Expr(int64_t value);  // NOLINT: weak literal
  explicit Expr(std::shared_ptr<const ExprNode> node);

  const ExprNode& operator*() const { return *node_; }
  const ExprNode* operator->() const { return node_.get(); }
  explicit operator bool() const { return node_ != nullptr; }
  const ExprNode* get() const { return node_.get(); }

 private:
  std::shared_ptr<const ExprNode> node_;
};

// An index variable or, in loop IR, a local value bound by Let. Identity is
// the address of its info, so no two variables clash when bodies are inlined;
// the name is a hint for printing.
struct VarInfo {
  std::string name;
  NumType type = NumType::kInt64;
  int lanes = 1;
};
using Var = std::shared_ptr<const VarInfo>;
Var make_var(std::string name, NumType type = NumType::kInt64, int lanes = 1);

// Literal numbers. `weak` literals came from the spec's plain numbers and
// take the type of the operand beside them.
struct Literal {
  std::variant<bool, int64_t, double> value;
};
struct VarRef {
  Var var;
};
// The value of a (possibly symbolic) dim, as int64.
struct SizeOf {
  Dim dim;
};
// Element of an operand. In a stage `slot` numbers the node's inputs, then
// its earlier stages, and there is one index per axis. In loop IR `slot`
// numbers the kernel's buffers, then its local arrays, and there is one flat
// index. `dtype` is the operand's storage dtype.
struct Load {
  int slot = 0;
  DType dtype = DType::kFloat32;
  std::vector<Expr> index;
};
struct Call {
  ScalarOp op;
  std::vector<Expr> args;
};
// Rounds (floats), wraps (integers) or converts to `dtype`, saturating for
// 8-bit floats; the result computes in compute_type(dtype).
struct Cast {
  DType dtype;
  Expr arg;
};
struct ReduceAxis {
  Var var;
  Dim extent;
};
// Combination of `body` over all values of the axes, in a tree of any order
// for sums of floats (the reference: double precision).
struct Reduce {
  ReduceOp op;
  std::vector<ReduceAxis> axes;
  Expr body;
};
// A data-dependent index: negative values count from the end; a value outside
// [-extent, extent) is error L08 naming graph node `site` and the flat
// `position`, among the points that the node computes, that first uses it. In
// a node's own definition `site` is -1, which means that node, and `position`
// is 0: so equal calls can share one definition and nodes can be renumbered.
// Whoever joins the definitions of several nodes sets both.
struct CheckedIndex {
  Expr index;
  Expr extent;
  Expr position;
  int site = -1;
};
// Loop IR only: lanes consecutive integers base, base + stride, ...
struct Ramp {
  Expr base;
  int64_t stride = 1;
  int lanes = 1;
};

struct ExprNode {
  NumType type = NumType::kFloat32;
  int lanes = 1;
  bool weak = false;  // a literal whose type follows its neighbours
  std::variant<Literal, VarRef, SizeOf, Load, Call, Cast, Reduce, CheckedIndex,
               Ramp>
      node;
};

// Builders. They check types (InternalError: an op's author is wrong), give
// weak literals their type, and fold trivial cases (x + 0, x * 1, constants).
Expr literal(bool value);
Expr float_literal(double value, NumType type);
Expr int_literal(int64_t value);
Expr zero_of(NumType type);
Expr var(const Var& v);
Expr size_of(const Dim& dim);
Expr load(int slot, DType dtype, std::vector<Expr> index);
Expr call(ScalarOp op, std::vector<Expr> args);
Expr cast(DType dtype, const Expr& arg);
// Converts between compute types without rounding to a storage dtype.
Expr convert(NumType type, const Expr& arg);
Expr reduce(ReduceOp op, std::vector<ReduceAxis> axes, const Expr& body);
Expr checked_index(const Expr& index, const Expr& extent,
                   const Expr& position, int site);
Expr select(const Expr& condition, const Expr& a, const Expr& b);
Expr ramp(const Expr& base, int64_t stride, int lanes);

// Operators spell the scalar functions; `/` is kDiv on floats and kFloorDiv
// on integers, `%` is the floored kMod.
Expr operator+(const Expr& a, const Expr& b);
Expr operator-(const Expr& a, const Expr& b);
Expr operator*(const Expr& a, const Expr& b);
Expr operator/(const Expr& a, const Expr& b);
Expr operator%(const Expr& a, const Expr& b);
Expr operator-(const Expr& a);
Expr operator<(const Expr& a, const Expr& b);
Expr operator<=(const Expr& a, const Expr& b);
Expr operator>(const Expr& a, const Expr& b);
Expr operator>=(const Expr& a, const Expr& b);
Expr equal(const Expr& a, const Expr& b);
Expr operator&&(const Expr& a, const Expr& b);
Expr operator||(const Expr& a, const Expr& b);
Expr operator!(const Expr& a);
Expr exp(const Expr& x);
Expr log(const Expr& x);
Expr sqrt(const Expr& x);
Expr rsqrt(const Expr& x);
Expr tanh(const Expr& x);
Expr erf(const Expr& x);
Expr sigmoid(const Expr& x);
Expr min(const Expr& a, const Expr& b);
Expr max(const Expr& a, const Expr& b);

// Text of an expression, e.g. "sum(k < 64, in0[i, k] * in1[j, k])". Operands
// print as in<slot>; equal text means equal structure and equal names.
std::string to_string(const Expr& expr);

// Rebuilds `expr` bottom-up; `rewrite` sees every node after its children and
// returns the replacement, or an empty Expr to keep it.
template <typename Rewrite>
Expr transform(const Expr& expr, const Rewrite& rewrite);
// `expr` with new children in the order of children_of.
std::vector<Expr> children_of(const Expr& expr);
Expr with_children(const Expr& expr, std::vector<Expr> children);

template <typename Rewrite>
Expr transform(const Expr& expr, const Rewrite& rewrite) {
  std::vector<Expr> children = children_of(expr);
  bool changed = false;
  for (Expr& child : children) {
    Expr next = transform(child, rewrite);
    changed |= next.get() != child.get();
    child = std::move(next);
  }
  Expr rebuilt = changed ? with_children(expr, std::move(children)) : expr;
  Expr replaced = rewrite(rebuilt);
  return replaced ? replaced : rebuilt;
}

}  // namespace lathe
