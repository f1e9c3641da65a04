#pragma once
// Many rows whose numbers are exact in a 16-bit float, or are 8-bit floats on
// both sides where the GPU multiplies those: tensor cores add up a
// tile of 64 x 64 results of each part. Pieces of both sides come to shared
// memory while earlier ones are multiplied (mma_sides.h); each of the 8 warps
// takes 16 rows and 32 columns. Where groups of k have factors (mma_factors.h)
// the sums of a group are multiplied by them and added to totals. Totals in
// float32 also take the sums of 8-bit floats after every step. Loops over k are
// rolled: two blocks of 8 warps on a multiprocessor hide each other's waits,
// and NVRTC takes half as long.

#include "codegen/cuda/mma_factors.h"
#include "codegen/cuda/mma_sides.h"
#include "codegen/cuda/result_tile.h"
#include "codegen/cuda/split_depth.h"

namespace lathe::cuda {

class MatmulMma {
 public:
  // Adds its arrays to the kernel. Requires: plan.exact; `parts` outlives it.
  MatmulMma(MatmulParts& parts, int64_t shared_bytes);

  // The steps of k of the whole depth.
  Dim steps() const;

  // A thread's sums of all parts.
  static int64_t sums(const MatmulParts& parts);

  // The tile of the section whose first row and column these are, for the
  // steps [first, last). Where `pieces` are given, what this one has joins the
  // others'.
  struct Piece {
    const SplitDepth& split;
    Expr item, count;  // the item among all, the pieces of a tile
  };
  Stmt tile(const MatmulSection& section, const Expr& row, const Expr& column,
            const Expr& first, const Expr& last, const Piece* piece);

 private:
  Stmt clear(const MatmulSection& section) const;
  Stmt step(const MmaSides::Tile& tile, const Var& ahead, const Expr& first,
            const Expr& last);
  Stmt work(const MmaSides::Tile& tile, const Var& number);
  Stmt multiply(const MatmulSection& section, const Expr& stage,
                const Expr& buffer) const;
  Stmt products(const MatmulSection& section, const Expr& stage,
                const Expr& k) const;
  Stmt close_group(const MatmulSection& section, const Expr& buffer,
                   const Expr& g) const;
  Stmt add_to_totals(const MatmulSection& section) const;
  IntrinsicOp product() const;
  Stmt keep_results(const MatmulSection& section) const;
  Stmt store_results(const MmaSides::Tile& tile) const;
  // Of this warp in the tile, and of this lane there.
  Expr first_row() const;
  Expr first_column() const;
  Expr lane() const;
  Expr row_of(const Expr& cell) const;
  Expr column_of(const Expr& t, const Expr& cell) const;

  MatmulParts& parts_;
  MmaSides sides_;
  MmaFactors factors_;
  ResultTile results_;
  bool by_group_ = false;  // groups end within the depth
  int sums_ = -1, totals_ = -1, left_sums_ = -1;  // of a thread
  int a_ = -1, b_ = -1, ones_ = -1;
};

}  // namespace lathe::cuda
