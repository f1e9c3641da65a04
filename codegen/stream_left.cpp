#include "codegen/stream_left.h"

#include <cmath>

namespace lathe {
namespace {

// Of two, in float32.
constexpr int kLargestPower = 127;

}  // namespace

void StreamLeft::add_locals(int acc) {
  acc_ = acc;
  const TileShape& tile = context_.tile;
  KernelBuilder& kernel = context_.kernel;
  if (right_.reads_in_place() && !context_.pairs) {
    scaled_ = kernel.local("scaled", tile.dtype, rows_ * context_.depth_block);
    scales_ = kernel.local("scales", tile.dtype, right_.unit());
    if (right_.log2_scale() > 0) {
      row_scales_ = kernel.local("row_scales", tile.dtype, rows_);
      unscales_ = kernel.local("unscales", tile.dtype, rows_);
    }
  }
  bool needs_sums = right_.cut().term.get() || shifts_codes();
  if (needs_sums) {
    sums_ = kernel.local("left_sums", tile.dtype, rows_ * groups());
  }
  if (needs_sums || unscales_ >= 0) {
    lanes_ = kernel.local("lanes", tile.dtype, tile.lanes);
  }
}

int64_t StreamLeft::groups() const {
  if (right_.group() == 0) return 1;
  return (context_.depth_block + right_.group() - 1) / right_.group();
}

Expr StreamLeft::group_length() const {
  return right_.group() == 0 ? var(context_.at.depth)
                             : int_literal(right_.group());
}

bool StreamLeft::has_rest() const {
  return !(mod(context_.form.depth, Dim(right_.unit())) == 0);
}

Expr StreamLeft::scaled(const Expr& row, const Expr& k) const {
  return flat_load(scaled_, context_.tile.dtype,
                   row * context_.depth_block + k);
}

Expr StreamLeft::unscale(const Expr& row) const {
  if (unscales_ < 0) return {};
  return flat_load(unscales_, context_.tile.dtype, row);
}

Expr StreamLeft::sum(const Expr& row, const Expr& group) const {
  if (sums_ < 0) return {};
  return flat_load(sums_, context_.tile.dtype, row * groups() + group);
}

// Whether codes are read as 1 + code / pair_scale().
bool StreamLeft::shifts_codes() const {
  return context_.pairs && right_.pair_scale() != 1;
}

Expr StreamLeft::closed(const Expr& sum_of_codes, const Expr& row,
                        const Expr& group, const Expr& first,
                        const Expr& column) const {
  Expr value = sum_of_codes, left = sum(row, group);
  if (Expr by = unscale(row); by.get()) value = value * by;
  if (shifts_codes()) {
    value =
        (value - left) * float_literal(right_.pair_scale(), NumType::kFloat32);
  }
  Expr word = (var(context_.at.k0) + first) / right_.unit();
  StoredRight::Depth at = right_.depth(word, int_literal(0));
  Expr factor = right_.factor(at, column), term = right_.term(at, column);
  if (factor.get()) value = value * factor;
  return term.get() ? value + term * left : value;
}

Stmt StreamLeft::begin() const {
  std::vector<Stmt> stmts;
  for (int64_t c = 0; in_place() && c < right_.unit(); ++c) {
    Expr scale = float_literal(right_.scale_in_place(c), NumType::kFloat32);
    stmts.push_back(store(scales_, int_literal(c), scale));
  }
  return block(std::move(stmts));
}

Stmt StreamLeft::prepare(const Expr& rows) const {
  Var i = make_var("i"), g = make_var("g");
  std::vector<Stmt> stmts;
  if (unscales_ >= 0) stmts.push_back(find_scale(var(i)));
  if (in_place()) stmts.push_back(scale_row(var(i)));
  if (sums_ >= 0) {
    Expr count = ceil_div(var(context_.at.depth), group_length());
    stmts.push_back(
        for_loop(g, int_literal(0), count, sum_of_group(var(i), var(g))));
  }
  if (stmts.empty()) return block({});
  return for_loop(i, int_literal(0), rows, block(std::move(stmts)));
}

// Floats in place are small, and the left side makes up for it as far as it
// has room: as a whole if it is small itself, else by half or not at all, when
// what then gets lost is far below its largest value. In any case the sum is
// in range and brought to its size when it is complete.
Stmt StreamLeft::find_scale(const Expr& row) const {
  const int all = right_.log2_scale();
  Var from = make_var("from"), most = make_var("most", NumType::kFloat32);
  auto power = [](int exponent) {
    return float_literal(std::ldexp(1.0, exponent), NumType::kFloat32);
  };
  auto choose = [&](int small, int middle, int large) {
    Expr is_small = var(most) < power(kLargestPower - all);
    Expr is_middle = var(most) < power(kLargestPower - all / 2);
    return select(is_small, power(small),
                  select(is_middle, power(middle), power(large)));
  };
  Stmt folded = fold(most, var(from), int_literal(0), var(context_.at.depth),
                     [](const Expr& so_far, const Expr& more) {
                       return max(so_far, call(ScalarOp::kAbs, {more}));
                     });
  return block({let(from, left_.offset(row)), folded,
                store(row_scales_, row, choose(all, all / 2, 0)),
                store(unscales_, row, choose(0, all / 2, all))});
}

// Each value of k by the scale of its row and of its place in a word.
Stmt StreamLeft::scale_row(const Expr& row) const {
  const DType dtype = context_.tile.dtype;
  Var from = make_var("from"), w = make_var("w"), c = make_var("c"),
      k = make_var("k"), rest = make_var("k");
  Expr unit = int_literal(right_.unit());
  Expr to = row * context_.depth_block;
  Expr words = var(context_.at.depth) / right_.unit();
  Var row_scale = make_var("row_scale", NumType::kFloat32);
  auto place = [&](const Expr& depth, const Expr& in_word) {
    Expr scale = flat_load(scales_, dtype, in_word);
    if (row_scales_ >= 0) scale = scale * var(row_scale);
    return store(scaled_, to + depth, left_.element(var(from), depth) * scale);
  };
  std::vector<Stmt> stmts = {let(from, left_.offset(row))};
  if (row_scales_ >= 0) {
    stmts.push_back(let(row_scale, flat_load(row_scales_, dtype, row)));
  }
  Stmt cells = for_loop(c, int_literal(0), unit, place(var(k) + var(c), var(c)),
                        LoopKind::kVector);
  stmts.push_back(for_loop(w, int_literal(0), words,
                           block({let(k, var(w) * right_.unit()), cells})));
  if (has_rest()) {
    stmts.push_back(for_loop(rest, words * unit, var(context_.at.depth),
                             place(var(rest), var(rest) % unit)));
  }
  return block(std::move(stmts));
}

// In a tree, which has less to wait for than a chain.
Expr StreamLeft::lanes_joined(int first, int count, const Join& join) const {
  if (count == 1) {
    return flat_load(lanes_, context_.tile.dtype, int_literal(first));
  }
  int half = count / 2;
  return join(lanes_joined(first, half, join),
              lanes_joined(first + half, count - half, join));
}

// Joins the left side from k = first on into `result`, which begins as 0.
Stmt StreamLeft::fold(const Var& result, const Expr& offset, const Expr& first,
                      const Expr& end, const Join& join) const {
  const TileShape& tile = context_.tile;
  Var k = make_var("k"), rest = make_var("k");
  Expr whole = first + (end - first) / tile.lanes * tile.lanes;
  Expr lanes = local_vector(acc_, tile.dtype, int_literal(0), tile.lanes);
  return block(
      {store(acc_, int_literal(0), float_zero()),
       for_loop(k, first, whole,
                store(acc_, int_literal(0),
                      join(lanes, left_.vector(offset, var(k)))),
                LoopKind::kSerial, tile.lanes),
       store(lanes_, lathe::ramp(int_literal(0), 1, tile.lanes), lanes),
       declare(result, lanes_joined(0, tile.lanes, join)),
       for_loop(rest, whole, end,
                assign(result,
                       join(var(result), left_.element(offset, var(rest)))))});
}

Stmt StreamLeft::sum_of_group(const Expr& row, const Expr& group) const {
  Var from = make_var("from"), first = make_var("first"), end = make_var("end"),
      sum = make_var("sum", NumType::kFloat32);
  Stmt folded =
      fold(sum, var(from), var(first), var(end),
           [](const Expr& so_far, const Expr& more) { return so_far + more; });
  return block(
      {let(from, left_.offset(row)), let(first, group * group_length()),
       let(end, min(var(first) + group_length(), var(context_.at.depth))),
       folded, store(sums_, row * groups() + group, var(sum))});
}

}  // namespace lathe
