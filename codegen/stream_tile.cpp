#include "codegen/stream_tile.h"

#include <algorithm>

namespace lathe {
namespace {

// Sums apart from each other hide the latency of the multiply-add: at least six
// vectors, of which sixteen registers hold no more beside masks.
constexpr int kSumsApart = 6;

// Heights of tiles, ascending: one row, half a register tile, a whole one.
std::vector<int> heights_of(const TileShape& shape) {
  return {1, std::max(2, shape.rows / 2), shape.rows};
}

}  // namespace

void StreamTile::add_locals(const TileLocals& locals) {
  locals_ = locals;
  const TileShape& shape = context_.tile;
  totals_ = context_.kernel.local("total", shape.dtype, rows() * shape.vectors,
                                  shape.lanes);
  if (context_.pairs) {
    pairs_ = context_.kernel.local("pairs", DType::kInt32, right_.unit() / 2,
                                   shape.lanes);
  }
  stream_left_.add_locals(locals.acc);
}

Expr StreamTile::acc_index(const Tile& tile, const Expr& chain, const Expr& row,
                           int v) const {
  return (chain * tile.rows + row) * context_.tile.vectors + v;
}
Expr StreamTile::acc(const Tile& tile, const Expr& chain, const Expr& row,
                     int v) const {
  return local_vector(locals_.acc, context_.tile.dtype,
                      acc_index(tile, chain, row, v), context_.tile.lanes);
}
Expr StreamTile::total_index(const Expr& row, int v) const {
  return row * context_.tile.vectors + v;
}
Expr StreamTile::total(const Expr& row, int v) const {
  return local_vector(totals_, context_.tile.dtype, total_index(row, v),
                      context_.tile.lanes);
}

Stmt StreamTile::unrolled(int count,
                          const std::function<Stmt(const Expr&)>& body) const {
  if (count == 1) return body(int_literal(0));
  Var i = make_var("i");
  return for_loop(i, int_literal(0), int_literal(count), body(var(i)),
                  LoopKind::kUnroll);
}

Stmt StreamTile::each_cell(const Tile& tile, const Cell& body) const {
  return unrolled(tile.rows, [&](const Expr& row) {
    std::vector<Stmt> stmts;
    for (int v = 0; v < context_.tile.vectors; ++v) {
      stmts.push_back(body(row, v));
    }
    return block(std::move(stmts));
  });
}

// --- the height ---

// Those beyond the last row are copies of it.
Stmt StreamTile::prepare() const {
  std::vector<int> heights = heights_of(context_.tile);
  Expr most = int_literal(heights.back());
  Expr rows = ceil_div(var(context_.at.rows), most) * most;
  for (size_t h = heights.size() - 1; h-- > 0;) {
    rows = select(var(context_.at.rows) <= int_literal(heights[h]),
                  int_literal(heights[h]), rows);
  }
  return stream_left_.prepare(rows);
}

Stmt StreamTile::panel(int out, int64_t out_stride) const {
  std::vector<int> heights = heights_of(context_.tile);
  Stmt choice = tile(heights.back(), out, out_stride);
  for (size_t h = heights.size() - 1; h-- > 0;) {
    choice = if_then(var(context_.at.rows) <= int_literal(heights[h]),
                     tile(heights[h], out, out_stride), choice);
  }
  return choice;
}

// --- rows times a panel ---

Stmt StreamTile::tile(int rows, int out, int64_t out_stride) const {
  const TileShape& shape = context_.tile;
  const MatmulPlace& at = context_.at;
  Tile tile{rows};
  int cells = rows * shape.vectors;
  tile.chains = (kSumsApart + cells - 1) / cells;
  Var g = make_var("g"), first = make_var("first"), count = make_var("count");
  auto out_at = [&](const Expr& row, int v) {
    return row * out_stride + var(at.p) * context_.panels.width + column(v);
  };
  Expr resume = var(at.k0) > int_literal(0);
  Stmt offsets = unrolled(rows, [&](const Expr& row) {
    return store(locals_.offsets, row, left_.offset(row));
  });
  Stmt go_on = each_cell(tile, [&](const Expr& row, int v) {
    return store(totals_, total_index(row, v),
                 vector_load(out, shape.dtype, out_at(row, v), shape.lanes));
  });
  Stmt start = each_cell(tile, [&](const Expr& row, int v) {
    Expr added = right_.added(column(v));
    return store(totals_, total_index(row, v),
                 added.get() ? added : float_zero());
  });
  Expr length = stream_left_.group_length();
  Stmt group = block({let(first, var(g) * length),
                      let(count, min(length, var(at.depth) - var(first))),
                      steps(tile, var(first), var(count)),
                      close_group(tile, var(first), var(g))});
  Stmt end = each_cell(tile, [&](const Expr& row, int v) {
    return store(out, ramp(out_at(row, v), 1, shape.lanes), total(row, v));
  });
  return block(
      {offsets, if_then(resume, go_on, start),
       for_loop(g, int_literal(0), ceil_div(var(at.depth), length), group),
       end});
}

// Words of codes, then the k that do not fill one.
Stmt StreamTile::steps(const Tile& tile, const Expr& first,
                       const Expr& count) const {
  const int64_t unit = right_.unit();
  Var w = make_var("w"), k = make_var("k");
  Stmt clear = unrolled(
      tile.chains * tile.rows * context_.tile.vectors,
      [&](const Expr& cell) { return store(locals_.acc, cell, float_zero()); });
  Stmt words = for_loop(w, int_literal(0), count / unit,
                        block({right_.prefetch_next(first / unit + var(w)),
                               word_of_codes(tile, first, var(w))}));
  if (!stream_left_.has_rest()) return block({clear, words});
  return block({clear, words,
                for_loop(k, first + count / unit * unit, first + count,
                         rest(tile, var(k)))});
}

Stmt StreamTile::word_of_codes(const Tile& tile, const Expr& first,
                               const Expr& word) const {
  const int64_t unit = right_.unit();
  Expr number = (var(context_.at.k0) + first) / unit + word;
  Expr k = first + word * unit;
  if (context_.pairs) {
    return word_of_pairs(tile, number, k);
  }
  if (stream_left_.in_place()) {
    std::vector<Stmt> codes;
    for (int64_t c = 0; c < unit; ++c) {
      StoredRight::Depth at = right_.depth(number, int_literal(c));
      codes.push_back(add(tile, k + c, int_literal(c % tile.chains),
                          [&](const Expr& column) {
                            return right_.code_in_place(at, c, column);
                          }));
    }
    return block(std::move(codes));
  }
  Var c = make_var("c");
  StoredRight::Depth at = right_.depth(number, var(c));
  return for_loop(c, int_literal(0), int_literal(unit),
                  add(tile, k + var(c), var(c) % tile.chains,
                      [&](const Expr& column) {
                        return right_.cut().code ? right_.code(at, column)
                                                 : right_.value(at, column);
                      }),
                  LoopKind::kUnroll);
}

// A code that is not in a whole word.
Stmt StreamTile::rest(const Tile& tile, const Expr& k) const {
  const int64_t unit = right_.unit();
  Expr number = var(context_.at.k0) + k;
  StoredRight::Depth at{number, number / unit, number % unit};
  return add(tile, k, int_literal(0), [&](const Expr& column) {
    if (stream_left_.in_place()) return right_.code_in_place(at, column);
    return right_.cut().code ? right_.code(at, column)
                             : right_.value(at, column);
  });
}

Expr StreamTile::left_at(const Expr& row, const Expr& k) const {
  if (stream_left_.in_place()) return stream_left_.scaled(row, k);
  return left_.element(flat_load(locals_.offsets, DType::kInt64, row), k);
}

// One k: a row of the right side, by each row of the left.
Stmt StreamTile::add(const Tile& tile, const Expr& k, const Expr& chain,
                     const Column& right) const {
  const TileShape& shape = context_.tile;
  std::vector<Stmt> stmts;
  for (int v = 0; v < shape.vectors; ++v) {
    stmts.push_back(store(locals_.right, int_literal(v), right(column(v))));
  }
  stmts.push_back(unrolled(tile.rows, [&](const Expr& row) {
    Var x = make_var("x", NumType::kFloat32);
    std::vector<Stmt> cells = {let(x, left_at(row, k))};
    for (int v = 0; v < shape.vectors; ++v) {
      Expr number =
          local_vector(locals_.right, shape.dtype, int_literal(v), shape.lanes);
      cells.push_back(store(locals_.acc, acc_index(tile, chain, row, v),
                            acc(tile, chain, row, v) + var(x) * number));
    }
    return block(std::move(cells));
  }));
  return block(std::move(stmts));
}

Stmt StreamTile::word_of_pairs(const Tile& tile, const Expr& word,
                               const Expr& k) const {
  std::vector<Stmt> stmts;
  for (int v = 0; v < context_.tile.vectors; ++v) {
    stmts.push_back(right_.pairs(pairs_, word, column(v)));
    for (int64_t i = 0; i < right_.unit() / 2; ++i) {
      stmts.push_back(unrolled(tile.rows, [&](const Expr& row) {
        Expr offset = flat_load(locals_.offsets, DType::kInt64, row);
        Expr cell = acc_index(tile, int_literal(i % tile.chains), row, v);
        return intrinsic(IntrinsicOp::kDotBf16, {{locals_.acc, cell},
                                                 left_.pair(offset, k / 2 + i),
                                                 {pairs_, int_literal(i)}});
      }));
    }
  }
  return block(std::move(stmts));
}

Stmt StreamTile::close_group(const Tile& tile, const Expr& first,
                             const Expr& group) const {
  return each_cell(tile, [&](const Expr& row, int v) {
    Expr sum = acc(tile, int_literal(0), row, v);
    for (int c = 1; c < tile.chains; ++c) {
      sum = sum + acc(tile, int_literal(c), row, v);
    }
    sum = stream_left_.closed(sum, row, group, first, column(v));
    return store(totals_, total_index(row, v), total(row, v) + sum);
  });
}

}  // namespace lathe
