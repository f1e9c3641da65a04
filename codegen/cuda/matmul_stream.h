#pragma once
// Few rows (decoding) whose numbers are exact in a 16-bit float: weights stream
// from memory to tensor cores, each read once, 16 bytes at once. A block makes
// 16 columns of each part; its warps share out k, and their sums are added up
// in shared memory, in order.
//
// Nothing goes through shared memory on the way: a product of 16 x 16 weights
// and 16 x 8 numbers of the left side wants of a lane 4 neighbours of two
// columns and of one row. Which k they have does not matter, as long as it is
// the same on both sides, so that a lane takes what its packs hold.

#include <utility>
#include <vector>

#include "codegen/cuda/matmul_parts.h"

namespace lathe::cuda {

class MatmulStream {
 public:
  static constexpr int64_t kRows = 8, kColumns = 16;

  // Whether the left side can be read in packs. Requires: plan.streams.
  static bool reads_left(MatmulParts& parts);

  // Adds its arrays to the kernel. Requires: reads_left; `parts` outlives it.
  explicit MatmulStream(MatmulParts& parts);

  // All rows of the section's columns from `column` on.
  Stmt columns(const MatmulSection& section, const Expr& column);

 private:
  // Names that hold within one item.
  struct Place {
    Var warp = make_var("warp"), line = make_var("line"),
        lane = make_var("lane"), row = make_var("row");
    Var columns[2] = {make_var("n_low"), make_var("n_high")};
  };
  // Lanes that share a product's k, and the k of a product.
  static constexpr int64_t kLanes = 4, kStep = 16;
  // Blocks of packs that a warp reads before it multiplies.
  static constexpr int64_t kAhead = 2;

  static DType left_dtype(const MatmulPlan& plan);
  int64_t block_size() const;
  bool in_blocks() const;
  Expr half(const Expr& u, size_t part, int64_t r) const;

  Stmt depth_loop(const MatmulSection& section);
  Stmt read_block(const MatmulSection& section, const Expr& block_number,
                  const Expr& u);
  Stmt read_left(const Expr& block_number, const Expr& u);
  void add_left_packs();
  Stmt read_left_at(const Expr& number, int64_t count, const Expr& to);
  Stmt move_pack(const Load& load, const Expr& number, int64_t count, int array,
                 const Expr& to);
  Stmt widen_left(const Expr& u) const;
  Stmt multiply(const MatmulSection& section, const Expr& block_number,
                const Expr& u);
  Stmt step(const MatmulSection& section, const Expr& u, const Expr& s) const;
  Stmt close_group(const MatmulSection& section, const Expr& k);
  Stmt add_up(const MatmulSection& section, const Expr& column);

  MatmulParts& parts_;
  const MatmulPlan& plan_;
  StoredCodes& stored_;
  Place at_;
  DType left_dtype_;
  int left_ = -1, left_halves_ = -1;                  // packs of a thread
  // With a prologue: what the left side is made of, and packs of that.
  std::vector<std::pair<Expr, int>> left_packs_;
  int a_ = -1, b_ = -1, ones_ = -1;                   // words of a product
  int sums_ = -1, totals_ = -1, left_sums_ = -1;      // of a thread
  int warps_ = -1;                                    // shared
};

}  // namespace lathe::cuda
