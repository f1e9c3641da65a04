// Matrix products on a GPU. An item is a block's work: with many rows a tile
// of results, with few rows some columns. The kernel holds both where the
// number of rows is known only when it runs. Weights are read as they are
// stored; nothing is packed.

#include "codegen/cuda/strategy_matmul_cuda.h"

#include <optional>
#include <utility>
#include <vector>

#include "codegen/cuda/matmul_few.h"
#include "codegen/cuda/matmul_mma.h"
#include "codegen/cuda/matmul_tile.h"

namespace lathe::cuda {
namespace {

class GpuMatmul {
 public:
  GpuMatmul(const Group& group, MatmulForm form)
      : parts_(group, std::move(form)) {
    if (may_be_few()) few_.emplace(parts_);
    if (!may_be_many()) return;
    if (auto dtype = MatmulMma::exact_dtype(parts_)) {
      mma_.emplace(parts_, *dtype);
    } else {
      tile_.emplace(parts_);
    }
  }

  LoweredGroup lower() {
    const MatmulForm& form = parts_.form();
    KernelBuilder& kernel = parts_.kernel();
    Var item = make_var("item");
    Var rest = make_var("rest");
    std::vector<Stmt> stmts = bind_sizes();
    Stmt loop = for_loop(
        item, var(kernel.lo()), var(kernel.hi()),
        block({let(form.b, var(item) / var(ends_.back())),
               let(rest, var(item) % var(ends_.back())), sections(rest)}),
        LoopKind::kItems);
    stmts.push_back(loop);
    Dim work = form.batch * form.rows * form.depth;
    Dim items, cost;
    for (const MatmulSection& section : form.sections) {
      items += form.batch * groups_of(section);
      cost += work * section.columns;
    }
    // What one core of a CPU would take; a GPU cuts work by items alone.
    return kernel.finish(block(std::move(stmts)), items,
                         floordiv(cost, Dim(8)));
  }

 private:
  bool may_be_few() const {
    const Dim& rows = parts_.form().rows;
    return !rows.is_static() || rows.value() <= kFewRows;
  }
  bool may_be_many() const {
    const Dim& rows = parts_.form().rows;
    return !rows.is_static() || rows.value() > kFewRows;
  }
  // 1 when there are more than a few rows, else 0.
  Dim many() const {
    return min(floordiv(parts_.form().rows, Dim(kFewRows + 1)), Dim(1));
  }
  Dim row_tiles() const {
    return ceildiv(parts_.form().rows, Dim(kTileRows));
  }

  // Items of one batch.
  Dim groups_of(const MatmulSection& section) const {
    Dim tiles = row_tiles() * ceildiv(section.columns, Dim(kTileColumns));
    Dim strips = ceildiv(section.columns, Dim(kFewColumns));
    if (!may_be_few()) return tiles;
    if (!may_be_many()) return strips;
    return many() * tiles + (Dim(1) - many()) * strips;
  }

  // What all items need: whether there are few rows, how many tiles they make,
  // and where the items of a batch end by section.
  std::vector<Stmt> bind_sizes() {
    const MatmulForm& form = parts_.form();
    std::vector<Stmt> stmts = {
        let(is_few_, size_of(form.rows) <= int_literal(kFewRows)),
        let(tiles_, size_of(row_tiles()))};
    Expr start = int_literal(0);
    for (const MatmulSection& section : form.sections) {
      Expr strips = size_of(ceildiv(section.columns, Dim(kFewColumns)));
      Expr tiles =
          var(tiles_) * size_of(ceildiv(section.columns, Dim(kTileColumns)));
      Expr count = !may_be_few()    ? tiles
                   : !may_be_many() ? strips
                                    : select(var(is_few_), strips, tiles);
      ends_.push_back(make_var("end"));
      stmts.push_back(let(ends_.back(), start + count));
      start = var(ends_.back());
    }
    return stmts;
  }

  // The section that item `rest` of a batch belongs to, and its work.
  Stmt sections(const Var& rest) {
    const auto& all = parts_.form().sections;
    Stmt work;
    for (size_t s = all.size(); s-- > 0;) {
      Var group = make_var("group");
      Expr start = s == 0 ? int_literal(0) : var(ends_[s - 1]);
      Stmt mine = block(
          {let(group, var(rest) - start), section_work(all[s], group)});
      work = work ? if_then(var(rest) < var(ends_[s]), mine, work) : mine;
    }
    return work;
  }

  Stmt section_work(const MatmulSection& section, const Var& group) {
    Stmt few, many;
    if (may_be_few()) {
      few = few_->columns(section, var(group) * int_literal(kFewColumns));
    }
    if (may_be_many()) {
      // Neighbours share columns, whose weights are then in the cache.
      Expr row = var(group) % var(tiles_) * int_literal(kTileRows);
      Expr column = var(group) / var(tiles_) * int_literal(kTileColumns);
      many = mma_ ? mma_->tile(section, row, column)
                  : tile_->tile(section, row, column);
    }
    if (!few) return many;
    if (!many) return few;
    return if_then(var(is_few_), few, many);
  }

  MatmulParts parts_;
  std::optional<MatmulFew> few_;
  // One of them, where there may be many rows.
  std::optional<MatmulMma> mma_;
  std::optional<MatmulTile> tile_;
  Var is_few_ = make_var("is_few", NumType::kBool), tiles_ = make_var("tiles");
  std::vector<Var> ends_;
};

}  // namespace

bool matches_matmul(const Group& group, const Target&) {
  std::optional<MatmulForm> form = match_matmul(group);
  return form && !(form->depth == 0);
}

LoweredGroup lower_matmul(const Group& group, const Target&) {
  return GpuMatmul(group, *match_matmul(group)).lower();
}

}  // namespace lathe::cuda
