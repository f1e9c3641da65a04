#pragma once
// Products whose tiles are too few for a GPU: the depth of each is cut into
// pieces that are items of their own, whose sums stand in memory between two
// kernels. The second adds them up, always in the same order.

#include <functional>
#include <vector>

#include "codegen/cuda/matmul_parts.h"

namespace lathe::cuda {

class SplitDepth {
 public:
  // Requires: the plan outlives it.
  explicit SplitDepth(const MatmulPlan& plan) : plan_(plan) {}

  // Binds the memory between; before the first array of the kernel.
  void bind(MatmulParts& parts, bool writable);

  // How many pieces, where there are so many tiles; 1 where it is never more.
  Dim pieces(const Dim& tiles) const;
  // The memory, of no size where `runs` is 0 or there is one piece.
  std::vector<Scratch> scratch(const Dim& pieces, const Dim& runs) const;

  // Stores the sums of a piece.
  Stmt keep(const MatmulSection& section, const Expr& piece, const Expr& m, const Expr& n,
            const std::function<Expr(size_t)>& sum) const;
  // The results of a strip, one of each thread.
  Stmt add_up(MatmulParts& parts, const MatmulSection& section,
              const Expr& strip, const Dim& pieces) const;

 private:
  // The most pieces, by the depth alone; 1: never more.
  int64_t most() const;
  Expr index(const MatmulSection& section, const Expr& piece, const Expr& m,
             const Expr& n) const;

  const MatmulPlan& plan_;
  std::vector<int> slots_;  // by part
};

}  // namespace lathe::cuda
