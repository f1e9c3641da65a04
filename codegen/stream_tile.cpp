#include "codegen/stream_tile.h"

#include <algorithm>
#include <cmath>

namespace lathe {
namespace {

// Sums apart from each other hide the latency of the multiply-add: at least six
// vectors, of which sixteen registers hold no more beside masks.
constexpr int kAccumulators = 6;

// Of two, in float32.
constexpr int kLargestPower = 127;

Expr zero() { return float_literal(0, NumType::kFloat32); }

}  // namespace

void StreamTile::add_locals(const TileLocals& locals) {
  locals_ = locals;
  const TileShape& tile = context_.tile;
  KernelBuilder& kernel = context_.kernel;
  totals_ = kernel.local("total", tile.dtype, tile.vectors, tile.lanes);
  if (right_.reads_in_place()) {
    scaled_ = kernel.local("scaled", tile.dtype, kRows * context_.depth_block);
    scales_ = kernel.local("scales", tile.dtype, right_.unit());
    if (right_.log2_scale() > 0) {
      row_scales_ = kernel.local("row_scales", tile.dtype, kRows);
      unscales_ = kernel.local("unscales", tile.dtype, kRows);
    }
  }
  bool sums = right_.cut().term.get();
  if (sums || unscales_ >= 0) {
    lanes_ = kernel.local("lanes", tile.dtype, tile.lanes);
  }
  if (sums) {
    left_sums_ = kernel.local("left_sums", tile.dtype, kRows * groups());
  }
}

int64_t StreamTile::groups() const {
  if (right_.group() == 0) return 1;
  return (context_.depth_block + right_.group() - 1) / right_.group();
}

int StreamTile::chains() const {
  int vectors = context_.tile.vectors;
  return (kAccumulators + vectors - 1) / vectors;
}

Stmt StreamTile::each_vector(const Body& body) const {
  std::vector<Stmt> stmts;
  for (int v = 0; v < context_.tile.vectors; ++v) {
    stmts.push_back(body(int_literal(v * context_.tile.lanes), v));
  }
  return block(std::move(stmts));
}

Expr StreamTile::acc(const Expr& chain, int v) const {
  const TileShape& tile = context_.tile;
  return local_vector(locals_.acc, tile.dtype, chain * tile.vectors + v,
                      tile.lanes);
}
Expr StreamTile::total(int v) const {
  return local_vector(totals_, context_.tile.dtype, int_literal(v),
                      context_.tile.lanes);
}

Expr StreamTile::scaled(const Expr& row, const Expr& k) const {
  return flat_load(scaled_, context_.tile.dtype,
                   row * context_.depth_block + k);
}

// k that do not fill a word.
bool StreamTile::has_rest() const {
  return !(mod(context_.form.depth, Dim(right_.unit())) == 0);
}

Expr StreamTile::group_length() const {
  return right_.group() == 0 ? var(context_.at.depth)
                             : int_literal(right_.group());
}

// --- sums of the left side ---

Stmt StreamTile::prepare() const {
  Var i = make_var("i"), g = make_var("g");
  std::vector<Stmt> stmts;
  if (unscales_ >= 0) stmts.push_back(find_scale(var(i)));
  if (scaled_ >= 0) stmts.push_back(scale_left(var(i)));
  if (left_sums_ >= 0) {
    Expr count = ceil_div(var(context_.at.depth), group_length());
    stmts.push_back(
        for_loop(g, int_literal(0), count, sum_of_left(var(i), var(g))));
  }
  if (stmts.empty()) return block({});
  return for_loop(i, int_literal(0), var(context_.at.rows),
                  block(std::move(stmts)));
}

Stmt StreamTile::begin() const {
  std::vector<Stmt> stmts;
  for (int64_t c = 0; scaled_ >= 0 && c < right_.unit(); ++c) {
    Expr scale = float_literal(right_.scale_in_place(c), NumType::kFloat32);
    stmts.push_back(store(scales_, int_literal(c), scale));
  }
  return block(std::move(stmts));
}

// Floats in place are small, and the left side makes up for it as far as it
// has room: as a whole if it is small itself, else by half or not at all, when
// what then gets lost is far below its largest value. In any case the sum is
// in range and brought to its size when it is complete.
Stmt StreamTile::find_scale(const Expr& row) const {
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
  Stmt fold = fold_left(most, var(from), int_literal(0), var(context_.at.depth),
                        [](const Expr& so_far, const Expr& more) {
                          return max(so_far, call(ScalarOp::kAbs, {more}));
                        });
  return block({let(from, left_.offset(row)), fold,
                store(row_scales_, row, choose(all, all / 2, 0)),
                store(unscales_, row, choose(0, all / 2, all))});
}

// Each value of k by the scale of its row and of its place in a word.
Stmt StreamTile::scale_left(const Expr& row) const {
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

// Joins the left side from k = first on into `result`, which begins as 0.
Stmt StreamTile::fold_left(const Var& result, const Expr& offset,
                           const Expr& first, const Expr& end,
                           const Join& join) const {
  const TileShape& tile = context_.tile;
  Var k = make_var("k"), rest = make_var("k"), lane = make_var("lane");
  Expr whole = first + (end - first) / tile.lanes * tile.lanes;
  Expr lanes = acc(int_literal(0), 0);
  return block(
      {store(locals_.acc, int_literal(0), zero()),
       for_loop(k, first, whole,
                store(locals_.acc, int_literal(0),
                      join(lanes, left_.vector(offset, var(k)))),
                LoopKind::kSerial, tile.lanes),
       store(lanes_, lathe::ramp(int_literal(0), 1, tile.lanes), lanes),
       declare(result, zero()),
       for_loop(lane, int_literal(0), int_literal(tile.lanes),
                assign(result, join(var(result),
                                    flat_load(lanes_, tile.dtype, var(lane)))),
                LoopKind::kUnroll),
       for_loop(rest, whole, end,
                assign(result,
                       join(var(result), left_.element(offset, var(rest)))))});
}

Stmt StreamTile::sum_of_left(const Expr& row, const Expr& group) const {
  Var from = make_var("from"), first = make_var("first"), end = make_var("end"),
      sum = make_var("sum", NumType::kFloat32);
  Stmt fold = fold_left(
      sum, var(from), var(first), var(end),
      [](const Expr& so_far, const Expr& more) { return so_far + more; });
  return block(
      {let(from, left_.offset(row)), let(first, group * group_length()),
       let(end, min(var(first) + group_length(), var(context_.at.depth))), fold,
       store(left_sums_, row * groups() + group, var(sum))});
}

// --- a row times a panel ---

Stmt StreamTile::row(const Expr& row, int out, int64_t out_stride) const {
  const TileShape& tile = context_.tile;
  const MatmulPlace& at = context_.at;
  Var from = make_var("from"), g = make_var("g"), first = make_var("first"),
      count = make_var("count");
  Expr out_at = row * out_stride + var(at.p) * context_.panels.width;
  Expr resume = var(at.k0) > int_literal(0);
  Stmt begin = each_vector([&](const Expr& column, int v) {
    Stmt go_on =
        store(totals_, int_literal(v),
              vector_load(out, tile.dtype, out_at + column, tile.lanes));
    Expr added = right_.added(column);
    Stmt start = store(totals_, int_literal(v), added.get() ? added : zero());
    return if_then(resume, go_on, start);
  });
  Stmt group =
      block({let(first, var(g) * group_length()),
             let(count, min(group_length(), var(at.depth) - var(first))),
             steps(var(first), var(count), row, var(from)),
             close_group(var(first), row, var(g))});
  Expr groups = ceil_div(var(at.depth), group_length());
  Stmt end = each_vector([&](const Expr& column, int v) {
    return store(out, ramp(out_at + column, 1, tile.lanes), total(v));
  });
  return block({let(from, left_.offset(row)), begin,
                for_loop(g, int_literal(0), groups, group), end});
}

// Words of codes, then the k that do not fill one.
Stmt StreamTile::steps(const Expr& first, const Expr& count, const Expr& row,
                       const Expr& offset) const {
  const MatmulPlace& at = context_.at;
  const int64_t unit = right_.unit();
  Var w = make_var("w"), cell = make_var("cell"), rest = make_var("kk");
  Expr cells = int_literal(int64_t{chains()} * context_.tile.vectors);
  Stmt clear =
      for_loop(cell, int_literal(0), cells,
               store(locals_.acc, var(cell), zero()), LoopKind::kUnroll);
  Stmt words = for_loop(w, int_literal(0), count / unit,
                        block({right_.prefetch_next(first / unit + var(w)),
                               word_of_codes(first, var(w), row, offset)}));
  if (!has_rest()) return block({clear, words});
  Expr k = var(at.k0) + first + var(rest);
  StoredRight::Depth place{k, k / unit, k % unit};
  Stmt tail = add(unscales_ >= 0 ? scaled(row, first + var(rest))
                                 : left_.element(offset, first + var(rest)),
                  int_literal(0), [&](const Expr& column) {
                    if (unscales_ >= 0) return right_.moved_code(place, column);
                    return right_.cut().code ? right_.code(place, column)
                                             : right_.value(place, column);
                  });
  return block(
      {clear, words, for_loop(rest, count / unit * unit, count, tail)});
}

Stmt StreamTile::word_of_codes(const Expr& first, const Expr& word,
                               const Expr& row, const Expr& offset) const {
  const int64_t unit = right_.unit();
  Expr number = (var(context_.at.k0) + first) / unit + word;
  Expr k = first + word * unit;
  if (scaled_ >= 0) {
    std::vector<Stmt> codes;
    for (int64_t c = 0; c < unit; ++c) {
      StoredRight::Depth at = right_.depth(number, int_literal(c));
      codes.push_back(add(scaled(row, k + c), int_literal(c % chains()),
                          [&](const Expr& column) {
                            return right_.code_in_place(at, c, column);
                          }));
    }
    return block(std::move(codes));
  }
  Var c = make_var("c");
  StoredRight::Depth at = right_.depth(number, var(c));
  return for_loop(c, int_literal(0), int_literal(unit),
                  add(left_.element(offset, k + var(c)), var(c) % chains(),
                      [&](const Expr& column) {
                        return right_.cut().code ? right_.code(at, column)
                                                 : right_.value(at, column);
                      }),
                  LoopKind::kUnroll);
}

Stmt StreamTile::add(
    const Expr& left, const Expr& chain,
    const std::function<Expr(const Expr& column)>& right) const {
  const TileShape& tile = context_.tile;
  Var x = make_var("x", NumType::kFloat32);
  Stmt cells = each_vector([&](const Expr& column, int v) {
    return store(locals_.acc, chain * tile.vectors + v,
                 acc(chain, v) + var(x) * right(column));
  });
  return block({let(x, left), cells});
}

Stmt StreamTile::close_group(const Expr& first, const Expr& row,
                             const Expr& group) const {
  const int64_t unit = right_.unit();
  Expr word = (var(context_.at.k0) + first) / unit;
  StoredRight::Depth at = right_.depth(word, int_literal(0));
  return each_vector([&](const Expr& column, int v) {
    Expr sum = acc(int_literal(0), v);
    for (int c = 1; c < chains(); ++c) sum = sum + acc(int_literal(c), v);
    if (unscales_ >= 0) {
      sum = sum * flat_load(unscales_, context_.tile.dtype, row);
    }
    if (Expr factor = right_.factor(at, column); factor.get()) {
      sum = sum * factor;
    }
    if (left_sums_ >= 0) {
      Expr left =
          flat_load(left_sums_, context_.tile.dtype, row * groups() + group);
      sum = sum + right_.term(at, column) * left;
    }
    return store(totals_, int_literal(v), total(v) + sum);
  });
}

}  // namespace lathe
