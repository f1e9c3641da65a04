#pragma once
// Many rows whose numbers are exact in a 16-bit float: tensor cores add up a
// tile of 64 x 64 results of each part. The sides' pieces lie in shared memory
// as 16-bit floats, moved 16 bytes at once where they are stored so; each of
// the 8 warps takes 16 rows and 32 columns.

#include <optional>

#include "codegen/cuda/matmul_parts.h"

namespace lathe::cuda {

class MatmulMma {
 public:
  // The 16-bit float that holds every number of both sides exactly: bfloat16
  // or float16; nothing where none does.
  static std::optional<DType> exact_dtype(MatmulParts& parts);

  // Adds its arrays to the kernel. Requires: the parts outlive it; `dtype` is
  // theirs.
  MatmulMma(MatmulParts& parts, DType dtype);

  // The tile of the section whose first row and column these are.
  Stmt tile(const MatmulSection& section, const Expr& row,
            const Expr& column);

 private:
  struct Piece {
    int array = -1;         // shared
    Expr first;             // its first element there
    Expr value;             // at form().k and `line_var`
    Var line;               // m or n
    Expr begin;             // the first line
    Dim lines;              // how many there are in all
  };
  Stmt fill(const Piece& piece, const Var& k0) const;
  Stmt move_packs(const Piece& piece, const Var& k0, int slot,
                  const Expr& address, const Var& kp) const;
  Stmt multiply(const MatmulSection& section) const;
  Stmt store_results(const MatmulSection& section, const Var& m0,
                     const Var& n0);
  Expr warp() const;
  Expr lane() const;

  MatmulParts& parts_;
  DType dtype_;
  int left_ = -1, right_ = -1;              // shared
  int sums_ = -1, a_ = -1, b_ = -1;         // of a thread
};

}  // namespace lathe::cuda
