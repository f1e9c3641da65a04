#pragma once
// How the tiles of a matrix product get at its two sides: in place where they
// can be loaded as they lie, else through a local block that is filled once
// per block of rows, or per panel, and depth.

#include <memory>
#include <optional>

#include "codegen/kernel_builder.h"
#include "codegen/left_cut.h"
#include "codegen/matmul_form.h"
#include "codegen/matmul_panels.h"
#include "codegen/register_tile.h"
#include "codegen/right_cut.h"

namespace lathe {

inline constexpr int64_t kLineBytes = 64;  // of the cache

class StoredRight;

// Where a work item stands: rows [m0, m0 + rows), units [u0, ...) of a section,
// panels from p0 on, of which p is the current one; depth [k0, k0 + depth).
struct MatmulPlace {
  Var m0 = make_var("m0"), rows = make_var("rows");
  Var section = make_var("section"), u0 = make_var("u0");
  Var units = make_var("units");
  Var p0 = make_var("p0"), panels = make_var("panels"), p = make_var("p");
  Var k0 = make_var("k0"), depth = make_var("depth");
};

// What all parts of the lowering share.
struct MatmulContext {
  const MatmulForm& form;
  KernelBuilder& kernel;
  const MatmulPanels& panels;
  TileShape tile;
  Ranges ranges;  // of b, m and k
  MatmulPlace at;
  int64_t row_block = 0, depth_block = 0;
  // The depth is taken in pairs of bfloat16 numbers: multiplies_pairs.
  bool pairs = false;
  // Where the right sides are computed from storage.
  std::optional<RightCut> cut;
  // Where the left side is codes as well, to be multiplied as bytes: `cut` is
  // a cut_bytes.
  std::optional<LeftCut> left_codes;
};

// The left side, element by element.
class MatmulLeft {
 public:
  // Binds the operands.
  explicit MatmulLeft(MatmulContext& context);
  // Adds the local block, if one is needed.
  void add_local();

  // k / c and k % c in the left side: the constant c, else 1. A depth block
  // that is a multiple of c lets each run of c elements be filled as one.
  int64_t run() const { return run_; }

  Stmt fill() const;
  Expr offset(const Expr& row) const;
  Expr element(const Expr& offset, const Expr& k) const;
  // Where pair `k` is.
  Intrinsic::Address pair(const Expr& offset, const Expr& k) const {
    return {slot_, offset + k * 2};
  }
  // `lanes` elements from k on.
  Expr vector(const Expr& offset, const Expr& k) const;

 private:
  // Of an element as the tiles read it.
  DType dtype() const {
    return context_.pairs ? DType::kBFloat16 : context_.tile.dtype;
  }
  bool half_pair() const {
    return context_.pairs && !(mod(context_.form.depth, 2) == 0);
  }
  void find_run();
  void find_direct();
  Stmt fill_row(const Expr& i) const;

  MatmulContext& context_;
  Expr value_;
  std::optional<Expr> direct_;  // index at k = 0, when read in place
  int slot_ = -1;
  int64_t run_ = 1, stride_ = 0;
};

// The right side, vector by vector: from panels as they lie, or through a local
// block that is filled for one panel and block of depth.
class MatmulRight {
 public:
  explicit MatmulRight(MatmulContext& context);
  ~MatmulRight();
  void add_local();

  // Bytes of an element in the block that the tiles read.
  int block_bytes() const;
  // The local block, for one panel and block of depth.
  int local_block() const { return block_; }
  // Fields behind the block, from which few rows are better served directly.
  const StoredRight* stored() const { return stored_.get(); }

  // Once per kernel, once per panel and depth block.
  Stmt prepare() const;
  Stmt fill() const;
  Expr vector(const Expr& k, const Expr& column) const;
  // Where the pairs of row k of the panels are, from a column on.
  Intrinsic::Address pairs(const Expr& k, const Expr& column) const;
  // Asks for a line of the weights that are used next while row k is used: one
  // row tile after the other for another line.
  Stmt prefetch_next(const Expr& k, const Expr& tile) const;
  // Lines of the cache that a row of the packed panels has.
  int64_t lines_a_row() const;
  bool prefetches() const { return packed_ && !expand_; }

 private:
  // How many k and how many numbers a row of the packed panels has.
  int64_t row_depth() const { return context_.pairs ? 2 : 1; }
  int64_t row_size() const { return context_.panels.width * row_depth(); }
  Expr packed_index(const Expr& p, const Expr& row) const;
  Expr first_row() const;
  Stmt fill_part(const MatmulSection& section, int part, int count) const;

  MatmulContext& context_;
  std::unique_ptr<StoredRight> stored_;
  std::optional<DType> packed_;  // dtype of packed panels
  bool expand_ = false;          // through a local block
  int packed_slot_ = -1, block_ = -1;
  Var next_ = make_var("next");
};

// `body` where the work item is in section `s`.
Stmt in_section(const MatmulContext& context, size_t s, Stmt body);

}  // namespace lathe
