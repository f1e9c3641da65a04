#include "codegen/cuda/split_depth.h"

#include <algorithm>

#include "codegen/cuda/matmul_tile.h"
#include "spec/text.h"

namespace lathe::cuda {
namespace {

// About as many blocks as keep a GPU busy.
constexpr int64_t kBlocks = 128;
// A piece has so much of the depth at least, and a tile so many pieces at most:
// each costs a write and a read of all results.
constexpr int64_t kLeastDepth = 512, kMostPieces = 8;

}  // namespace

int64_t SplitDepth::most() const {
  const Dim& depth = plan_.form.depth;
  if (!depth.is_static()) return 1;
  return std::clamp<int64_t>(depth.value() / kLeastDepth, 1, kMostPieces);
}

Dim SplitDepth::pieces(const Dim& tiles) const {
  // A tile of rows there is at least.
  Dim least;
  for (const MatmulSection& section : plan_.form.sections) {
    least += plan_.form.batch * ceildiv(section.columns, Dim(kTileColumns));
  }
  const bool enough = least.is_static() && least.value() * 2 > kBlocks;
  if (most() == 1 || enough) return Dim(1);
  return max(Dim(1), min(Dim(most()),
                         floordiv(Dim(kBlocks), max(tiles, Dim(1)))));
}

std::vector<Scratch> SplitDepth::scratch(const Dim& pieces,
                                         const Dim& runs) const {
  const MatmulForm& form = plan_.form;
  std::vector<Scratch> all(form.parts.size());
  const Dim count = runs * min(pieces - Dim(1), Dim(1)) * pieces;
  for (const MatmulSection& section : form.sections) {
    for (int part : section.parts) {
      all[size_t(part)] = {
          cat({"sums", part}),
          DType::kFloat32,
          {count, form.batch, form.rows, section.columns}};
    }
  }
  return all;
}

void SplitDepth::bind(MatmulParts& parts, bool writable) {
  const std::vector<Scratch> all = scratch(Dim(1), Dim(1));
  for (size_t part = 0; part < all.size(); ++part) {
    slots_.push_back(parts.kernel().scratch(static_cast<int>(part), all[part],
                                            writable));
  }
}

Expr SplitDepth::index(const MatmulSection& section, const Expr& piece,
                       const Expr& m, const Expr& n) const {
  const MatmulForm& form = plan_.form;
  Expr line = piece;
  if (!(form.batch == 1)) line = line * size_of(form.batch) + var(form.b);
  return (line * size_of(form.rows) + m) * size_of(section.columns) + n;
}

Stmt SplitDepth::keep(const MatmulSection& section, const Expr& piece,
                      const Expr& m, const Expr& n,
                      const std::function<Expr(size_t)>& sum) const {
  std::vector<Stmt> stmts;
  for (size_t p = 0; p < section.parts.size(); ++p) {
    stmts.push_back(store(slots_[size_t(section.parts[p])],
                          index(section, piece, m, n), sum(p)));
  }
  return block(std::move(stmts));
}

Stmt SplitDepth::add_up(MatmulParts& parts, const MatmulSection& section,
                        const Expr& strip, const Dim& pieces) const {
  Var cell = make_var("cell"), m = make_var("m_own"), n = make_var("n_own");
  Expr columns = size_of(section.columns);
  std::vector<Stmt> stmts = {let(m, var(cell) / columns),
                             let(n, var(cell) % columns)};
  std::vector<Expr> sums;
  for (int part : section.parts) {
    Var sum = make_var("sum", NumType::kFloat32), piece = make_var("piece");
    Expr own = flat_load(slots_[size_t(part)], DType::kFloat32,
                         index(section, var(piece), var(m), var(n)));
    stmts.push_back(declare(sum, parts.zero()));
    stmts.push_back(for_loop(piece, int_literal(0), size_of(pieces),
                             assign(sum, var(sum) + own)));
    sums.push_back(var(sum));
  }
  stmts.push_back(parts.finish(section, var(m), var(n),
                               [&](size_t part) { return sums[part]; }));
  Expr mine = strip * int_literal(kMatmulThreads) + var(parts.worker());
  return block({let(cell, mine),
                if_then(var(cell) < size_of(plan_.form.rows * section.columns),
                        block(std::move(stmts)))});
}

}  // namespace lathe::cuda
