// Stored codes as pairs of bfloat16.

#include <cmath>
#include <cstdlib>

#include "codegen/stored_right.h"

namespace lathe {

int64_t StoredRight::bit_of(int64_t place, int plane) const {
  if (context_.left_codes) return place % 4 * 8 + place / 4 * plane;
  if (!context_.pairs) return place * plane;
  return place % 2 * 16 + place / 2 * plane;
}

double StoredRight::pair_scale() const {
  const RightField& code = cut_.fields[*cut_.code];
  return code.moved ? 1 : std::ldexp(1.0, code.planes[0]);
}

// Codes of few bits go to the top of the mantissa of 1.
Expr StoredRight::pair_of_bits(const Expr& codes, int64_t pair,
                               int plane) const {
  constexpr int64_t kMantissa = 7, kBothOnes = 0x3f803f80;
  const int64_t down = bit_of(2 * pair, plane) - (kMantissa - plane);
  Expr there = call(down < 0 ? ScalarOp::kShiftLeft : ScalarOp::kShiftRight,
                    {codes, int_literal(std::abs(down))});
  const int64_t mask = ((int64_t{1} << plane) - 1) << (kMantissa - plane);
  there = call(ScalarOp::kBitAnd, {there, int_literal(mask | mask << 16)});
  return call(ScalarOp::kBitOr, {there, int_literal(kBothOnes)});
}

Stmt StoredRight::pairs(int slot, const Expr& word, const Expr& column) const {
  const RightField& code = cut_.fields[*cut_.code];
  const Panel& panel = panels_[*cut_.code][0];
  if (code.moved) {
    Expr at = index(panel, var(context_.at.p), word) + column;
    return intrinsic(
        IntrinsicOp::kWidenE4M3Bf16,
        {{slot, int_literal(0)}, {panel.slot, at * panel.values_a_word}});
  }
  Expr codes = vector(panel, word, column);
  std::vector<Stmt> stmts;
  for (int64_t i = 0; i < unit() / 2; ++i) {
    stmts.push_back(
        store(slot, int_literal(i), pair_of_bits(codes, i, code.planes[0])));
  }
  return block(std::move(stmts));
}

Stmt StoredRight::expand_pairs(int block_slot, int pairs_slot,
                               const Expr& first, const Expr& count) const {
  Var w = make_var("w");
  const int lanes = context_.tile.lanes;
  Expr number = (var(context_.at.k0) + first) / unit() + var(w);
  Stmt word = each_vector([&](const Expr& column) {
    std::vector<Stmt> stmts = {pairs(pairs_slot, number, column)};
    for (int64_t i = 0; i < unit() / 2; ++i) {
      Expr row = var(w) * (unit() / 2) + i;
      Expr place = row * context_.panels.width + column;
      stmts.push_back(store(
          block_slot, ramp(place, 1, lanes),
          local_vector(pairs_slot, DType::kInt32, int_literal(i), lanes)));
    }
    return block(std::move(stmts));
  });
  return for_loop(w, int_literal(0), count / unit(), word);
}

}  // namespace lathe
