#pragma once
// Products whose tiles are too few for a GPU: the depth of each is cut into
// pieces that are items of their own, whose sums go through memory. The block
// that ends last adds them up, always in the same order: another kernel would
// cost a launch, and its text. Each thread keeps sums and reads them back as it
// holds them, so that neighbours are side by side.

#include <vector>

#include "codegen/cuda/matmul_parts.h"

namespace lathe::cuda {

class SplitDepth {
 public:
  // Of items that there are where no depth is cut. Requires: the plan outlives
  // it.
  SplitDepth(const MatmulPlan& plan, const Dim& tiles);

  // How many pieces; 1 where it is never more.
  const Dim& pieces() const { return pieces_; }
  // The memory, of no size where `runs` is 0 or there is one piece; `sums` of
  // each thread.
  std::vector<Scratch> scratch(const Dim& runs, int64_t sums) const;

  // Binds the memory; before the first array of the kernel.
  void bind(MatmulParts& parts, int64_t sums);
  // Adds its arrays.
  void add_arrays(MatmulParts& parts);

  // Where there are `count` pieces, more than one, the `sums` of an item in
  // array `slot`, which may be fewer than there is memory for, become those of
  // the whole tile in the block that ends last. Afterwards is_last() says
  // whether this is the one.
  Stmt join(const MatmulParts& parts, const Expr& item, const Expr& count,
            int slot, int64_t sums) const;
  Expr is_last(const Expr& count) const;

 private:
  Dim pieces_of(const Dim& tiles) const;
  // The most pieces, by the depth alone; 1: never more.
  int64_t most() const;

  const MatmulPlan& plan_;
  Dim tiles_, pieces_;
  int sums_ = -1;                  // of all pieces
  int64_t most_sums_ = 0;          // of a thread, that there is memory for
  int counts_ = -1, before_ = -1;  // blocks that have ended
};

}  // namespace lathe::cuda
