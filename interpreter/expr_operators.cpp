// The operators and functions that spell calls of scalar functions.

#include "interpreter/expr.h"

namespace lathe {

Expr operator+(const Expr& a, const Expr& b) {
  return call(ScalarOp::kAdd, {a, b});
}
Expr operator-(const Expr& a, const Expr& b) {
  return call(ScalarOp::kSub, {a, b});
}
Expr operator*(const Expr& a, const Expr& b) {
  return call(ScalarOp::kMul, {a, b});
}
Expr operator/(const Expr& a, const Expr& b) {
  const bool integers =
      a->type == NumType::kInt64 && b->type == NumType::kInt64;
  // A weak integer beside a float is a float.
  return call(integers ? ScalarOp::kFloorDiv : ScalarOp::kDiv, {a, b});
}
Expr operator%(const Expr& a, const Expr& b) {
  return call(ScalarOp::kMod, {a, b});
}
Expr operator-(const Expr& a) { return call(ScalarOp::kNeg, {a}); }

Expr operator<(const Expr& a, const Expr& b) {
  return call(ScalarOp::kLess, {a, b});
}
Expr operator<=(const Expr& a, const Expr& b) {
  return call(ScalarOp::kLessEqual, {a, b});
}
Expr operator>(const Expr& a, const Expr& b) {
  return call(ScalarOp::kLess, {b, a});
}
Expr operator>=(const Expr& a, const Expr& b) {
  return call(ScalarOp::kLessEqual, {b, a});
}
Expr equal(const Expr& a, const Expr& b) {
  return call(ScalarOp::kEqual, {a, b});
}
Expr operator&&(const Expr& a, const Expr& b) {
  return call(ScalarOp::kAnd, {a, b});
}
Expr operator||(const Expr& a, const Expr& b) {
  return call(ScalarOp::kOr, {a, b});
}
Expr operator!(const Expr& a) { return call(ScalarOp::kNot, {a}); }

Expr select(const Expr& condition, const Expr& a, const Expr& b) {
  return call(ScalarOp::kSelect, {condition, a, b});
}
Expr exp(const Expr& x) { return call(ScalarOp::kExp, {x}); }
Expr log(const Expr& x) { return call(ScalarOp::kLog, {x}); }
Expr sqrt(const Expr& x) { return call(ScalarOp::kSqrt, {x}); }
Expr rsqrt(const Expr& x) { return call(ScalarOp::kRsqrt, {x}); }
Expr tanh(const Expr& x) { return call(ScalarOp::kTanh, {x}); }
Expr erf(const Expr& x) { return call(ScalarOp::kErf, {x}); }
Expr sigmoid(const Expr& x) { return call(ScalarOp::kSigmoid, {x}); }
Expr min(const Expr& a, const Expr& b) {
  return call(ScalarOp::kMin, {a, b});
}
Expr max(const Expr& a, const Expr& b) {
  return call(ScalarOp::kMax, {a, b});
}

}  // namespace lathe
