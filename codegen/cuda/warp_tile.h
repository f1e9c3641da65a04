#pragma once
// What one warp does of attention's two products: scores of 16 queries by some
// keys, and the sums of values that they weigh. This says which thread holds
// which cells; all else is the same for tensor cores and for plain float32
// (attention_cuda.h).
//
// A thread has cells (r, j) of the scores, r < rows(), and of the sums. A row
// is held by lanes_of_row() neighbours.

#include <memory>
#include <vector>

#include "codegen/cuda/code_words.h"
#include "codegen/cuda/shared_lines.h"

namespace lathe::cuda {

inline constexpr int64_t kWarpQueries = 16;

// What all tiles of a kernel share.
struct WarpOperands {
  SharedLines queries, keys, values;
  int64_t depth = 0;      // padded
  int64_t columns = 0;    // of a piece of the values, padded
  int64_t most_keys = 0;  // of a warp
  Var lane;               // of the thread in its warp
};

class WarpTile {
 public:
  virtual ~WarpTile() = default;

  virtual int64_t rows() const = 0;
  int lanes_of_row() const { return static_cast<int>(2 * rows()); }
  // Cells of a row that has this many in all.
  int64_t cells(int64_t width) const { return width / lanes_of_row(); }

  // Binds what the thread's place in its warp says, for all below.
  virtual Stmt bind() const = 0;
  // Where a thread's cells are: the query, the key, the column of the sums.
  virtual Expr query(const Expr& r) const = 0;
  virtual Expr key(const Expr& j) const = 0;
  virtual Expr column(const Expr& j) const = 0;
  // Their indices in the arrays of a thread.
  virtual Expr score_cell(const Expr& r, const Expr& j) const = 0;
  virtual Expr sum_cell(const Expr& r, const Expr& j) const = 0;
  int scores_slot() const { return scores_; }
  int sums_slot() const { return sums_; }

  // scores = queries from `query` on by `count` keys from `key` on.
  virtual Stmt multiply(const Expr& query, const Expr& key,
                        int64_t count) const = 0;
  // sums += scores, which are weights by now, times the values of these keys.
  virtual Stmt add_values(const Expr& query, const Expr& key,
                          int64_t count) const = 0;

 protected:
  WarpTile(KernelBuilder& kernel, WarpOperands operands);

  WarpOperands operands_;
  int scores_ = -1, sums_ = -1;  // of a thread
};

// Tensor cores, for sides that are exact in `dtype`, bfloat16 or float16.
// `fine`: weights are rounded so that float32 results keep their precision.
std::unique_ptr<WarpTile> make_mma_tile(KernelBuilder& kernel,
                                        WarpOperands operands, DType dtype,
                                        bool fine);
// Plain float32.
std::unique_ptr<WarpTile> make_plain_tile(KernelBuilder& kernel,
                                          WarpOperands operands,
                                          int64_t queries, int64_t keys);

}  // namespace lathe::cuda
