#pragma once
// Many rows: a block of threads computes a tile of 64 x 64 results of each
// part. Step by step of 16 along k, the sides' pieces are evaluated into
// shared memory (loads, conversions and dequantisation as the model says),
// and every thread adds up a tile of 4 x 4 in registers.

#include "codegen/cuda/matmul_parts.h"

namespace lathe::cuda {

inline constexpr int64_t kTileRows = 64;
inline constexpr int64_t kTileColumns = 64;

class MatmulTile {
 public:
  // Adds its arrays to the kernel. Requires: the parts outlive it.
  explicit MatmulTile(MatmulParts& parts);

  // The tile of the section whose first row and column these are.
  Stmt tile(const MatmulSection& section, const Expr& row,
            const Expr& column);

 private:
  Stmt clear(const MatmulSection& section) const;
  Stmt fill_left(const Var& m0, const Var& k0);
  Stmt fill_right(const MatmulSection& section, size_t part, const Var& n0,
                  const Var& k0);
  Stmt multiply(const MatmulSection& section) const;
  Stmt store_results(const MatmulSection& section, const Var& m0,
                     const Var& n0);
  Expr sum_at(size_t part, const Expr& i, const Expr& j) const;

  MatmulParts& parts_;
  int left_ = -1, right_ = -1;           // shared
  int sums_ = -1, a_ = -1, b_ = -1;      // of a thread
};

}  // namespace lathe::cuda
