// Stored codes as bytes, four neighbouring k in a lane.

#include "codegen/stored_right.h"

namespace lathe {
namespace {

// `bits` in each of four bytes.
int64_t in_each_byte(int64_t bits) { return bits * 0x01010101; }

}  // namespace

// Those of place to place + 3 in a word.
Expr StoredRight::four_codes(const Expr& word, int64_t place,
                             const Expr& column) const {
  const size_t f = static_cast<size_t>(*cut_.code);
  const RightField& code = cut_.fields[f];
  Expr all;
  int offset = code.bits();
  for (size_t i = 0; i < code.planes.size(); ++i) {
    const int plane = code.planes[i];
    offset -= plane;
    const int64_t per_word = 32 / plane;
    Expr row = word * (unit() / per_word) + place / per_word;
    Expr bits = vector(panels_[f][i], row, column);
    if (plane < 8) {
      const int64_t down = bit_of(place % per_word, plane);
      if (down > 0) {
        bits = call(ScalarOp::kShiftRight, {bits, int_literal(down)});
      }
      const int64_t mask = in_each_byte((int64_t{1} << plane) - 1);
      bits = call(ScalarOp::kBitAnd, {bits, int_literal(mask)});
    }
    if (offset > 0) {
      bits = call(ScalarOp::kShiftLeft, {bits, int_literal(offset)});
    }
    all = i == 0 ? bits : call(ScalarOp::kBitOr, {all, bits});
  }
  return all;
}

Stmt StoredRight::bytes(int slot, const Expr& word, int64_t words,
                        const Expr& column) const {
  std::vector<Stmt> stmts;
  for (int64_t w = 0; w < words; ++w) {
    for (int64_t place = 0; place < unit(); place += 4) {
      stmts.push_back(store(slot, int_literal((w * unit() + place) / 4),
                            four_codes(word + w, place, column)));
    }
  }
  return block(std::move(stmts));
}

}  // namespace lathe
