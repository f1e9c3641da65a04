#include "codegen/cuda/matmul_tile.h"

#include "codegen/cuda/code_words.h"

namespace lathe::cuda {
namespace {

constexpr int64_t kDepth = 16;
// Results of a thread, in each direction; 16 x 16 threads make a tile.
constexpr int64_t kCell = 4;
constexpr int64_t kThreadsAcross = 16;
// A line of shared memory is longer than what is read of it, so that a warp
// that writes a column meets other banks.
constexpr int64_t kLine = kTileRows + 4;
constexpr int64_t kPiece = kDepth * kLine;

static_assert(kTileRows == kTileColumns, "both pieces have one shape");
static_assert(kCell * kThreadsAcross == kTileRows &&
                  kThreadsAcross * kThreadsAcross == kMatmulThreads,
              "the threads' cells are the tile");

}  // namespace

MatmulTile::MatmulTile(MatmulParts& parts) : parts_(parts) {
  KernelBuilder& kernel = parts.kernel();
  const DType dtype = parts.dtype();
  left_ = kernel.shared("left", dtype, kPiece);
  right_ = kernel.shared("right", dtype, kPiece * parts.most_parts());
  sums_ = kernel.local("sums", dtype, kCell * kCell * parts.most_parts());
  a_ = kernel.local("a_part", dtype, kCell);
  b_ = kernel.local("b_part", dtype, kCell);
}

Expr MatmulTile::sum_at(size_t part, const Expr& i, const Expr& j) const {
  const int64_t first = static_cast<int64_t>(part) * kCell * kCell;
  return i * int_literal(kCell) + j + int_literal(first);
}

Stmt MatmulTile::clear(const MatmulSection& section) const {
  Var c = make_var("c");
  const auto parts = static_cast<int64_t>(section.parts.size());
  return unrolled(c, parts * kCell * kCell,
                  store(sums_, var(c), parts_.zero()));
}

// Neighbouring threads read along k.
Stmt MatmulTile::fill_left(const Var& m0, const Var& k0) {
  const MatmulForm& form = parts_.form();
  Var u = make_var("u"), cell = make_var("cell");
  Expr inside = var(form.m) < size_of(form.rows) &&
                var(form.k) < size_of(form.depth);
  Expr at = var(cell) % int_literal(kDepth) * int_literal(kLine) +
            var(cell) / int_literal(kDepth);
  return unrolled(
      u, kTileRows * kDepth / kMatmulThreads,
      block({let(cell, var(parts_.worker()) +
                           var(u) * int_literal(kMatmulThreads)),
             let(form.m, var(m0) + var(cell) / int_literal(kDepth)),
             let(form.k, var(k0) + var(cell) % int_literal(kDepth)),
             store(left_, at, select(inside, parts_.left(), parts_.zero()))}));
}

Stmt MatmulTile::fill_right(const MatmulSection& section, size_t part,
                            const Var& n0, const Var& k0) {
  const MatmulForm& form = parts_.form();
  Var u = make_var("u"), cell = make_var("cell");
  Expr right = parts_.right(section, part);
  // Neighbouring threads read along n, where that is how the side lies.
  bool along_n = false;
  for (const Expr& e : loads_of(right)) {
    Ranges ranges = parts_.ranges();
    ranges.add(form.n, section.columns);
    auto affine =
        affine_in(std::get<Load>(e->node).index[0], form.n, ranges);
    along_n = along_n || (affine && affine->stride == 1);
  }
  Expr outer = var(cell) / int_literal(along_n ? kTileColumns : kDepth);
  Expr inner = var(cell) % int_literal(along_n ? kTileColumns : kDepth);
  Expr column = along_n ? inner : outer, k = along_n ? outer : inner;
  Expr inside = var(form.n) < size_of(section.columns) &&
                var(form.k) < size_of(form.depth);
  Expr at = k * int_literal(kLine) + column +
            int_literal(static_cast<int64_t>(part) * kPiece);
  return unrolled(
      u, kTileColumns * kDepth / kMatmulThreads,
      block({let(cell, var(parts_.worker()) +
                           var(u) * int_literal(kMatmulThreads)),
             let(form.n, var(n0) + column), let(form.k, var(k0) + k),
             store(right_, at, select(inside, right, parts_.zero()))}));
}

Stmt MatmulTile::multiply(const MatmulSection& section) const {
  Var kk = make_var("kk"), i = make_var("i"), j = make_var("j");
  const DType dtype = parts_.dtype();
  Expr line = var(kk) * int_literal(kLine);
  Expr across = int_literal(kThreadsAcross), cell = int_literal(kCell);
  Expr row = var(parts_.worker()) / across * cell;
  Expr column = var(parts_.worker()) % across * cell;
  std::vector<Stmt> step = {unrolled(
      i, kCell,
      store(a_, var(i), flat_load(left_, dtype, line + row + var(i))))};
  for (size_t p = 0; p < section.parts.size(); ++p) {
    Expr piece = int_literal(static_cast<int64_t>(p) * kPiece);
    Var q = make_var("q"), r = make_var("r");
    step.push_back(unrolled(
        j, kCell,
        store(b_, var(j),
              flat_load(right_, dtype, piece + line + column + var(j)))));
    Expr at = sum_at(p, var(q), var(r));
    Expr sum = flat_load(sums_, dtype, at) +
               flat_load(a_, dtype, var(q)) * flat_load(b_, dtype, var(r));
    step.push_back(unrolled(q, kCell, unrolled(r, kCell,
                                               store(sums_, at, sum))));
  }
  return unrolled(kk, kDepth, block(std::move(step)));
}

Stmt MatmulTile::store_results(const MatmulSection& section, const Var& m0,
                               const Var& n0) {
  const MatmulForm& form = parts_.form();
  Var i = make_var("i"), j = make_var("j");
  Expr across = int_literal(kThreadsAcross), cell = int_literal(kCell);
  Expr row = var(m0) + var(parts_.worker()) / across * cell + var(i);
  Expr column = var(n0) + var(parts_.worker()) % across * cell + var(j);
  Stmt one = parts_.finish(section, row, column, [&](size_t part) {
    return flat_load(sums_, parts_.dtype(), sum_at(part, var(i), var(j)));
  });
  Expr inside = row < size_of(form.rows) && column < size_of(section.columns);
  return unrolled(i, kCell, unrolled(j, kCell, if_then(inside, one)));
}

Stmt MatmulTile::tile(const MatmulSection& section, const Expr& row,
                      const Expr& column) {
  Var m0 = make_var("m0"), n0 = make_var("n0"), k0 = make_var("k0");
  // Others may still read the pieces of the step before.
  std::vector<Stmt> step = {barrier(kMatmulThreads), fill_left(m0, k0)};
  for (size_t p = 0; p < section.parts.size(); ++p) {
    step.push_back(fill_right(section, p, n0, k0));
  }
  step.push_back(barrier(kMatmulThreads));
  step.push_back(multiply(section));
  Stmt steps =
      for_loop(k0, int_literal(0), size_of(parts_.form().depth),
               block(std::move(step)), LoopKind::kSerial, kDepth);
  return block({let(m0, row), let(n0, column), clear(section), steps,
                store_results(section, m0, n0)});
}

}  // namespace lathe::cuda
