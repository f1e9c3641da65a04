#pragma once
// Few rows (decoding) that tensor cores cannot serve: a warp computes one column
// of each part for all rows, so that every weight is read once. Its lanes go
// along k in packs, 16 bytes at once where an operand lies so, and their sums
// are combined at the end.

#include <map>

#include "codegen/cuda/matmul_parts.h"

namespace lathe::cuda {

// Columns of an item: one for each warp.
inline constexpr int64_t kFewColumns = kMatmulWarps;

class MatmulFew {
 public:
  // Adds its arrays to the kernel. Requires: the parts outlive it.
  explicit MatmulFew(MatmulParts& parts);

  // All rows of the section's columns from `column` on.
  Stmt columns(const MatmulSection& section, const Expr& column);

 private:
  // A side with the loads that move packs replaced by loads of arrays.
  struct Side {
    Expr value;
    std::vector<Stmt> moves;
  };
  static int64_t best_pack(MatmulParts& parts);
  bool reads_stored() const;
  Side right_side(const MatmulSection& section, size_t p, const Var& kp,
                  const Expr& j);
  Side packed(const Expr& side, const MatmulSection& section, const Var& kp,
              const Expr& j);
  Stmt depth_loop(const MatmulSection& section, const Var& column);
  Stmt store_results(const MatmulSection& section, const Var& n);
  Expr sum_at(size_t part, const Expr& row) const;
  int pack_array(int buffer);

  MatmulParts& parts_;
  int64_t pack_ = 1;
  int sums_ = -1, weights_ = -1;    // of a thread
  std::map<int, int> pack_arrays_;  // by buffer
};

}  // namespace lathe::cuda
