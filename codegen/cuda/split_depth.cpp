#include "codegen/cuda/split_depth.h"

#include <algorithm>

#include "codegen/cuda/item_index.h"
#include "codegen/cuda/matmul_tile.h"

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

SplitDepth::SplitDepth(const MatmulPlan& plan, const Dim& tiles)
    : plan_(plan), tiles_(tiles), pieces_(pieces_of(tiles)) {}

Dim SplitDepth::pieces_of(const Dim& tiles) const {
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

std::vector<Scratch> SplitDepth::scratch(const Dim& runs, int64_t sums) const {
  const Dim items = runs * min(pieces_ - Dim(1), Dim(1)) * pieces_ * tiles_;
  return {{"sums_of_pieces", DType::kFloat32,
           {items, Dim(sums * kMatmulThreads)}}};
}

void SplitDepth::bind(MatmulParts& parts, int64_t sums) {
  most_sums_ = sums;
  sums_ = parts.kernel().scratch(0, scratch(Dim(1), sums)[0], true);
  // Where a tile has two pieces or more there are half as many tiles.
  counts_ = parts.kernel().counts("arrivals", kBlocks / 2);
}

void SplitDepth::add_arrays(MatmulParts& parts) {
  before_ = parts.kernel().shared("blocks_before", DType::kInt32, 1);
}

Expr SplitDepth::is_last(const Expr& count) const {
  return equal(flat_load(before_, DType::kInt32, int_literal(0)),
               count - int_literal(1));
}

Stmt SplitDepth::join(const MatmulParts& parts, const Expr& item,
                      const Expr& count, int slot, int64_t sums) const {
  Var c = make_var("c"), piece = make_var("piece");
  Var tile = make_var("whole"), first = make_var("first");
  Expr at = var(c) * int_literal(kMatmulThreads) + var(parts.worker());
  // The same for all sections, of which some have fewer sums.
  Expr line = int_literal(most_sums_ * kMatmulThreads);
  Expr own = flat_load(slot, DType::kFloat32, var(c));
  Expr other = flat_load(sums_, DType::kFloat32, var(first) + at);
  Expr is_first_thread = equal(var(parts.worker()), int_literal(0));
  Stmt add_up = block({
      if_then(is_first_thread, store(counts_, var(tile), int_literal(0))),
      unrolled(c, sums, store(slot, var(c), parts.zero())),
      for_loop(piece, int_literal(0), count,
               block({let(first, (var(tile) * count + var(piece)) * line),
                      unrolled(c, sums, store(slot, var(c), own + other))}),
               LoopKind::kRolled),
  });
  return block({
      let(tile, item_index(item) / count),
      unrolled(c, sums, store(sums_, item * line + at, own)),
      // All have stored their sums.
      barrier(kMatmulThreads),
      if_then(is_first_thread,
              intrinsic(IntrinsicOp::kCountBlock,
                        {{before_, int_literal(0)}, {counts_, var(tile)}})),
      barrier(kMatmulThreads),
      if_then(is_last(count), add_up),
  });
}

}  // namespace lathe::cuda
