#pragma once
// Many rows on sm_90a: a tile of 128 x 128 results of each part. Tiles of both
// sides, swizzled, are fetched into a ring of stages by one thread; two groups
// of four warps multiply them, 64 rows each, by instructions that read shared
// memory and go on beside the threads (wgmma).
//
//   full[s]    completes a phase when all bytes of stage s have come
//   empty[s]   when each of the eight warps has done with it
//
// Sums of 16-bit floats stay in the instruction's registers over the whole
// depth, and the products of a step go on while those of the next begin. Where
// groups of k have factors, and for float8 (MatmulPlan::float8), the sums of a
// step are awaited and added to totals in float32.
//
// Two parts with totals share a tile: 64 columns of each lie one behind the
// other in the right side's tile, and are multiplied as one. A thread holds 64
// sums and 64 totals, as for one part, where twice the columns would take 192
// registers for them alone, of 168 that there are. For a product it takes as
// many bytes from shared memory as one part does: 4096 + 2048 for 64 x 128 x 32;
// from memory 32 KB for 128 x 128 x 128, where 128 columns of each would take
// 24 KB and spill.
//
// Results leave through the ring's memory, result_tile.h.

#include <functional>
#include <optional>
#include <vector>

#include "codegen/cuda/result_tile.h"
#include "codegen/cuda/tile_views.h"
#include "codegen/target.h"

namespace lathe::cuda {

class MatmulWgmma {
 public:
  static constexpr int64_t kRows = 128, kColumns = 128;
  // Two groups that multiply, and one of which a thread fetches.
  static constexpr int kThreads = 384;
  // Of a section, in a tile.
  int64_t columns(const MatmulSection& section) const;
  // Fewer rows are for other kernels.
  static constexpr int64_t kLeastRows = 129;

  // The views of the sides, where the kernel can take the plan.
  static std::optional<TileViews> views(MatmulParts& parts);

  // Adds its arrays to the kernel. Requires: views() of these parts; `parts`
  // has kThreads workers and outlives it.
  MatmulWgmma(MatmulParts& parts, const TileViews& views, int64_t shared_bytes);

  // The tile of the section whose first row and column these are. `tile` is
  // the number of its column among tiles.
  Stmt tile(const MatmulSection& section, const Expr& row,
            const Expr& column_tile);

 private:
  // Of a thread, for every eight columns.
  static constexpr int64_t kCells = 4, kWarp = 32;
  struct Place {
    const MatmulSection& section;
    Var m0, tile, n0;
  };
  Expr steps() const;
  Expr stage_of(const Expr& number) const { return number % stages(); }
  Expr stages() const { return int_literal(stages_); }
  Expr first_left(const Expr& stage) const;
  Expr first_right(const Expr& stage, size_t part) const;

  Stmt start_ring() const;
  Stmt end_ring() const;
  Stmt fetch(const Place& at) const;
  Stmt multiply(const Place& at);
  Stmt clear() const;
  Stmt step_of_sums(const Place& at, const Var& number) const;
  Stmt step_of_totals(const Place& at, const Var& number);
  Stmt add_to_totals(const Place& at, size_t part, const Expr& k0);
  Stmt products(const Expr& stage, size_t tile,
                const std::function<Expr(const Expr& s)>& keep) const;
  Stmt release(const Expr& stage) const;
  Stmt read_left_factors(const Place& at, const Expr& k0);
  Stmt close(const Place& at);
  Stmt keep_results(const Place& at) const;
  Stmt store_results(const Place& at);
  Expr scaled(const Place& at, size_t part, Expr sum) const;
  Expr column_factor(const Place& at, size_t part, const Expr& n,
                     const Expr& k) const;
  Expr tile_factor(const Place& at, size_t part, const Expr& k) const;

  // Of this thread's results, in the tile.
  Expr row_of(const Expr& cell) const;
  Expr column_of(const Expr& t, const Expr& cell) const;
  // By eight columns of a part; the index of its sum.
  int64_t eights(const Place& at) const { return columns(at.section) / 8; }
  Expr sum_at(const Place& at, size_t part, const Expr& t,
              const Expr& cell) const;

  MatmulParts& parts_;
  int64_t depth_, stages_ = 2;  // k of a step
  bool by_step_ = false;        // sums are added up in totals
  bool shared_tile_ = false;    // by two parts
  int64_t right_tiles_ = 1;     // of a stage
  int left_ = -1, right_ = -1, full_ = -1, empty_ = -1;  // shared
  int left_map_ = -1;
  std::vector<int> right_maps_;  // by part of the form
  int sums_ = -1, totals_ = -1, left_factors_ = -1;
  std::optional<ResultTile> results_;
};

}  // namespace lathe::cuda
