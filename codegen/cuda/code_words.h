#pragma once
// Words of codes, and loops that are written out.

#include <cstdint>
#include <utility>

#include "codegen/loop_ir.h"

namespace lathe::cuda {

inline constexpr int64_t kWordBits = 32;

inline Stmt unrolled(const Var& v, int64_t count, Stmt body) {
  return for_loop(v, int_literal(0), int_literal(count), std::move(body),
                  LoopKind::kUnroll);
}

inline Expr shift_right(const Expr& a, const Expr& b) {
  return call(ScalarOp::kShiftRight, {a, b});
}
inline Expr shift_left(const Expr& a, const Expr& b) {
  return call(ScalarOp::kShiftLeft, {a, b});
}
inline Expr bit_and(const Expr& a, int64_t mask) {
  return call(ScalarOp::kBitAnd, {a, int_literal(mask)});
}
// An empty `a` is nothing yet.
inline Expr bit_or(const Expr& a, const Expr& b) {
  return a.get() ? call(ScalarOp::kBitOr, {a, b}) : b;
}

// Where the code at `place` of a line begins in its word: neighbours stand in
// halves.
inline Expr bit_of(const Expr& place, int bits) {
  Expr in_word = place % int_literal(kWordBits / bits);
  return in_word / int_literal(2) * int_literal(bits) +
         in_word % int_literal(2) * int_literal(kWordBits / 2);
}

}  // namespace lathe::cuda
