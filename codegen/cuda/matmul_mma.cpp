#include "codegen/cuda/matmul_mma.h"

#include <utility>

#include "codegen/cuda/code_words.h"
#include "codegen/cuda/gpu_sizes.h"
#include "spec/check.h"

namespace lathe::cuda {
namespace {

constexpr int64_t kTile = MmaSides::kLines;  // rows and columns
// What one instruction multiplies: 16 x 16 by 16 x 8, or 16 x 32 by 32 x 8.
constexpr int64_t kMmaRows = 16, kMmaColumns = 8;
constexpr int64_t kWarpColumns = 32;
constexpr int64_t kTiles = kWarpColumns / kMmaColumns;  // of a warp, per part

static_assert(kTile / kMmaRows * (kTile / kWarpColumns) * kWarp ==
                  kMatmulThreads,
              "the warps' tiles are the block's");

IntrinsicOp float8_product(DType left, DType right) {
  if (left == DType::kFloat8E4M3FN) {
    return right == left ? IntrinsicOp::kMmaE4M3E4M3
                         : IntrinsicOp::kMmaE4M3E5M2;
  }
  return right == left ? IntrinsicOp::kMmaE5M2E5M2 : IntrinsicOp::kMmaE5M2E4M3;
}

// While a warp waits for shared memory others multiply: a step written out
// several times is only more text, of which each product of float8 is much where
// the GPU widens it first.
Stmt rolled(const Var& v, int64_t count, Stmt body) {
  return for_loop(v, int_literal(0), int_literal(count), std::move(body),
                  count == 1 ? LoopKind::kUnroll : LoopKind::kRolled);
}

Expr sum_at(size_t part, const Expr& t) {
  return (t + int_literal(static_cast<int64_t>(part) * kTiles)) *
         int_literal(kMmaCells);
}

}  // namespace

MatmulMma::MatmulMma(MatmulParts& parts, int64_t shared_bytes)
    : parts_(parts),
      sides_(parts, shared_bytes),
      factors_(parts, sides_.depth()),
      results_(parts, parts.most_parts() * kTile * kTile, sides_.room()) {
  KernelBuilder& kernel = parts.kernel();
  const int64_t cells = sums(parts);
  const bool by_step = parts.plan().float8;
  by_group_ = parts.plan().group != 0;
  LATHE_CHECK(!by_step || sides_.depth() == MatmulPlan::kFloat8Depth,
              "sums of float8 end with a step");
  sums_ = kernel.local("sums", DType::kFloat32, cells);
  totals_ = factors_.any() || by_step
                ? kernel.local("totals", DType::kFloat32, cells)
                : sums_;
  a_ = kernel.local("a_part", DType::kInt32, 4);
  b_ = kernel.local("b_part", DType::kInt32, 4);
  if (parts.plan().cut && parts.plan().cut->term.get()) {
    ones_ = kernel.local("ones", DType::kInt32, 2);
    left_sums_ = kernel.local("left_sums", DType::kFloat32, kMmaCells);
  }
}

int64_t MatmulMma::sums(const MatmulParts& parts) {
  return kTiles * kMmaCells * parts.most_parts();
}

Dim MatmulMma::steps() const {
  return ceildiv(parts_.form().depth, Dim(sides_.depth()));
}

Expr MatmulMma::lane() const {
  return var(parts_.worker()) % int_literal(kWarp);
}
Expr MatmulMma::first_row() const {
  return var(parts_.worker()) / int_literal(kWarp) %
         int_literal(kTile / kMmaRows) * int_literal(kMmaRows);
}
Expr MatmulMma::first_column() const {
  return var(parts_.worker()) / int_literal(kWarp * kTile / kMmaRows) *
         int_literal(kWarpColumns);
}
// A thread has two neighbours in each of two rows of a tile.
Expr MatmulMma::row_of(const Expr& cell) const {
  return first_row() + lane() / int_literal(4) +
         cell / int_literal(2) * int_literal(8);
}
Expr MatmulMma::column_of(const Expr& t, const Expr& cell) const {
  return first_column() + t * int_literal(kMmaColumns) +
         lane() % int_literal(4) * int_literal(2) + cell % int_literal(2);
}

// --- products ---

IntrinsicOp MatmulMma::product() const {
  const MatmulPlan& plan = parts_.plan();
  if (plan.float8) return float8_product(*plan.left_type, *plan.right_type);
  const bool brain = *plan.exact == DType::kBFloat16;
  return brain ? IntrinsicOp::kMmaBf16 : IntrinsicOp::kMmaF16;
}

Stmt MatmulMma::products(const MatmulSection& section, const Expr& stage,
                         const Expr& k) const {
  auto at = [](int slot, const Expr& index) {
    return Intrinsic::Address{slot, index};
  };
  const IntrinsicOp product = this->product();
  const int64_t line = sides_.line();
  Expr zero = int_literal(0), two = int_literal(2);
  std::vector<Stmt> stmts = {intrinsic(
      IntrinsicOp::kLoad16x16,
      {at(a_, zero), at(sides_.left(), sides_.first_left(stage) +
                                           first_row() * int_literal(line) +
                                           k)},
      line)};
  for (size_t p = 0; p < section.parts.size(); ++p) {
    Var t = make_var("t");
    Expr first = var(t) * two;
    Expr from = sides_.first_right(stage, p) +
                (first_column() + first * int_literal(kMmaColumns)) *
                    int_literal(line) +
                k;
    stmts.push_back(unrolled(
        t, kTiles / 2,
        block({intrinsic(IntrinsicOp::kLoadTwo8x16,
                         {at(b_, zero), at(sides_.right(), from)}, line),
               intrinsic(product, {at(sums_, sum_at(p, first)), at(a_, zero),
                                   at(b_, zero)}),
               intrinsic(product,
                         {at(sums_, sum_at(p, first + int_literal(1))),
                          at(a_, zero), at(b_, two)})})));
  }
  if (left_sums_ >= 0) {
    stmts.push_back(intrinsic(
        product, {at(left_sums_, zero), at(a_, zero), at(ones_, zero)}));
  }
  return block(std::move(stmts));
}

Stmt MatmulMma::multiply(const MatmulSection& section, const Expr& stage,
                         const Expr& buffer) const {
  const int64_t step = parts_.plan().step();
  Var s = make_var("s"), g = make_var("g");
  if (!by_group_) {
    Stmt all = rolled(s, sides_.depth() / step,
                      products(section, stage, var(s) * int_literal(step)));
    return parts_.plan().float8 ? block({all, add_to_totals(section)}) : all;
  }
  const int64_t group = factors_.group();
  Expr k = var(g) * int_literal(group) + var(s) * int_literal(step);
  return rolled(
      g, sides_.depth() / group,
      block({rolled(s, group / step, products(section, stage, k)),
             close_group(section, buffer, var(g))}));
}

Stmt MatmulMma::add_to_totals(const MatmulSection& section) const {
  Var t = make_var("t");
  Expr total = flat_load(totals_, DType::kFloat32, var(t)) +
               flat_load(sums_, DType::kFloat32, var(t));
  const auto parts = static_cast<int64_t>(section.parts.size());
  return unrolled(t, parts * kTiles * kMmaCells,
                  block({store(totals_, var(t), total),
                         store(sums_, var(t), parts_.zero())}));
}

// Adds the sums of a group, times its factors, to the totals; or gives the
// whole sums their factors.
Stmt MatmulMma::close_group(const MatmulSection& section, const Expr& buffer,
                            const Expr& g) const {
  std::vector<Stmt> stmts;
  for (size_t p = 0; p < section.parts.size(); ++p) {
    Var t = make_var("t"), c = make_var("c");
    Expr at = sum_at(p, var(t)) + var(c);
    const bool whole = !by_group_ && parts_.plan().float8;
    Expr sum = flat_load(whole ? totals_ : sums_, DType::kFloat32, at);
    Expr column = column_of(var(t), var(c));
    if (Expr factor = factors_.factor(buffer, p, g, column); factor.get()) {
      sum = sum * factor;
    }
    if (Expr term = factors_.term(buffer, p, g, column); term.get()) {
      sum = sum + term * flat_load(left_sums_, DType::kFloat32, var(c));
    }
    if (Expr left = factors_.left(buffer, g, row_of(var(c))); left.get()) {
      sum = sum * left;
    }
    Stmt close = store(totals_, at, sum);
    if (!whole) {
      Expr total = flat_load(totals_, DType::kFloat32, at) + sum;
      close = block({store(totals_, at, total),
                     store(sums_, at, parts_.zero())});
    }
    stmts.push_back(unrolled(t, kTiles, unrolled(c, kMmaCells, close)));
  }
  if (left_sums_ >= 0) {
    Var c = make_var("c");
    stmts.push_back(
        unrolled(c, kMmaCells, store(left_sums_, var(c), parts_.zero())));
  }
  return block(std::move(stmts));
}

// --- steps ---

// The moves of step `number`, and the step that is `stages` - 1 before it; the
// first steps' moves have none. So the moves stand in the text once.
Stmt MatmulMma::step(const MmaSides::Tile& tile, const Var& ahead,
                     const Expr& first, const Expr& last) {
  const int64_t stages = sides_.stages();
  Expr depth = int_literal(sides_.depth());
  Var next = make_var("next"), next_k = make_var("next_k");
  Var number = make_var("number");
  Stmt landed = block({intrinsic(IntrinsicOp::kAwaitMoves, {}, stages - 2),
                       // Nobody reads the step before any more.
                       barrier(kMatmulThreads)});
  return block(
      {let(number, var(ahead) - int_literal(stages - 1)),
       if_then(first <= var(number), landed),
       if_then(var(ahead) < last,
               block({let(next, var(ahead) % int_literal(stages)),
                      let(next_k, var(ahead) * depth),
                      sides_.begin(tile, var(next), next_k)})),
       intrinsic(IntrinsicOp::kGroupMoves),
       if_then(first <= var(number), work(tile, number))});
}

Stmt MatmulMma::work(const MmaSides::Tile& tile, const Var& number) {
  Expr depth = int_literal(sides_.depth());
  Var stage = make_var("stage"), k0 = make_var("k0");
  std::vector<Stmt> stmts = {
      let(stage, var(number) % int_literal(sides_.stages())),
      let(k0, var(number) * depth)};
  if (sides_.completes()) {
    stmts.push_back(sides_.complete(tile, var(stage), k0));
    stmts.push_back(barrier(kMatmulThreads));
  }
  Expr buffer = var(number) % int_literal(2);
  Expr other = (var(number) + int_literal(1)) % int_literal(2);
  if (by_group_ && factors_.any()) {
    stmts.push_back(factors_.read(tile.section, tile.m0, tile.n0,
                                  (var(number) + int_literal(1)) * depth));
  }
  stmts.push_back(multiply(tile.section, var(stage), buffer));
  if (by_group_ && factors_.any()) {
    stmts.push_back(factors_.keep(tile.section, other));
  }
  return block(std::move(stmts));
}

Stmt MatmulMma::clear(const MatmulSection& section) const {
  std::vector<Stmt> stmts;
  auto fill = [&](int slot, int64_t count, const Expr& number) {
    Var c = make_var("c");
    stmts.push_back(unrolled(c, count, store(slot, var(c), number)));
  };
  const auto parts = static_cast<int64_t>(section.parts.size());
  fill(sums_, parts * kTiles * kMmaCells, parts_.zero());
  if (totals_ != sums_) {
    fill(totals_, parts * kTiles * kMmaCells, parts_.zero());
  }
  if (left_sums_ >= 0) {
    const bool brain = *parts_.plan().exact == DType::kBFloat16;
    const int64_t one = brain ? 0x3f80 : 0x3c00;
    fill(left_sums_, kMmaCells, parts_.zero());
    fill(ones_, 2, int_literal(one | one << 16));
  }
  return block(std::move(stmts));
}

Stmt MatmulMma::keep_results(const MatmulSection& section) const {
  std::vector<Stmt> stmts;
  for (size_t p = 0; p < section.parts.size(); ++p) {
    Var t = make_var("t"), h = make_var("h");
    Expr first = var(h) * int_literal(2);
    stmts.push_back(
        unrolled(t, kTiles,
                 unrolled(h, kMmaCells / 2,
                          results_.keep({kTile, kTile}, p, row_of(first),
                                        column_of(var(t), int_literal(0)),
                                        totals_, sum_at(p, var(t)) + first))));
  }
  return block(std::move(stmts));
}

// Lines by turns; some of them at once, so that a thread need not wait for all
// that it loads.
Stmt MatmulMma::store_results(const MmaSides::Tile& tile) const {
  constexpr int64_t kAtOnce = 2, kLines = kMatmulThreads / kTile;
  Var turn = make_var("turn"), u = make_var("u");
  Var line = make_var("line"), column = make_var("place");
  Expr m = var(tile.m0) + var(line), n = var(tile.n0) + var(column);
  Expr inside = m < size_of(parts_.form().rows) &&
                n < size_of(tile.section.columns);
  Stmt one = results_.with_sums(
      {kTile, kTile}, tile.section, var(line), var(column),
      [&](const auto& sum) { return parts_.finish(tile.section, m, n, sum); });
  Expr first = var(parts_.worker()) / int_literal(kTile);
  Stmt some = unrolled(
      u, kAtOnce,
      block({let(line, first + (var(turn) + var(u)) * int_literal(kLines)),
             if_then(inside, one)}));
  return block({keep_results(tile.section), barrier(kMatmulThreads),
                let(column, var(parts_.worker()) % int_literal(kTile)),
                for_loop(turn, int_literal(0), int_literal(kTile / kLines),
                         some, LoopKind::kRolled, kAtOnce)});
}

Stmt MatmulMma::tile(const MatmulSection& section, const Expr& row,
                     const Expr& column, const Expr& first, const Expr& last,
                     const Piece* piece) {
  MmaSides::Tile tile{section, make_var("m0"), make_var("n0")};
  const int64_t stages = sides_.stages();
  Expr depth = int_literal(sides_.depth());
  // The sides' memory takes results where it has room.
  const bool shares = sides_.room() >= 0;
  std::vector<Stmt> stmts = {let(tile.m0, row), let(tile.n0, column),
                             clear(section)};
  // Results of the tile before may still be read.
  if (shares) stmts.push_back(barrier(kMatmulThreads));
  if (factors_.any()) {
    stmts.push_back(factors_.read(section, tile.m0, tile.n0, first * depth));
    stmts.push_back(factors_.keep(section, first % int_literal(2)));
  }
  Var ahead = make_var("ahead");
  // A step has enough to overlap; several are only more text to compile.
  stmts.push_back(for_loop(ahead, first, last + int_literal(stages - 1),
                           step(tile, ahead, first, last), LoopKind::kRolled));
  if (!by_group_ && factors_.any()) {
    stmts.push_back(
        close_group(section, first % int_literal(2), int_literal(0)));
  }
  Stmt close = store_results(tile);
  // Nobody reads the sides any more.
  if (shares) close = block({barrier(kMatmulThreads), close});
  if (piece) {
    Stmt join = piece->split.join(
        parts_, piece->item, piece->count, totals_,
        kTiles * kMmaCells * static_cast<int64_t>(section.parts.size()));
    stmts.push_back(if_then(int_literal(1) < piece->count, join));
    close = if_then(equal(piece->count, int_literal(1)) ||
                        piece->split.is_last(piece->count),
                    close);
  }
  stmts.push_back(close);
  return block(std::move(stmts));
}

}  // namespace lathe::cuda
