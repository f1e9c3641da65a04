// Matrix products on a GPU. There is a kernel for few rows, whose item is some
// columns, and one for many, whose item is a tile of results; on sm_90a another
// with larger tiles for more. Where the number
// of rows is known only when it runs both are there, and the one that is not
// wanted has no items.

#include "codegen/cuda/strategy_matmul_cuda.h"

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "codegen/cuda/item_index.h"
#include "codegen/cuda/matmul_few.h"
#include "codegen/cuda/matmul_mma.h"
#include "codegen/cuda/matmul_stream.h"
#include "codegen/cuda/matmul_tile.h"
#include "codegen/cuda/matmul_wgmma.h"
#include "codegen/cuda/row_numbers.h"
#include "codegen/cuda/split_depth.h"
#include "spec/check.h"

namespace lathe::cuda {
namespace {

static_assert(MatmulStream::kRows == kFewRows, "both are for few rows");

// One kernel: its items go through the batch, and in it through the groups of
// each section.
class MatmulKernel {
 public:
  MatmulKernel(const Group& group, const MatmulPlan& plan,
               const PrologueForm* prologue = nullptr,
               int workers = kMatmulThreads)
      : parts_(group, plan, prologue, workers) {
    if (prologue) numbers_.emplace(parts_);
  }

  MatmulParts& parts() { return parts_; }
  // The number of the item.
  const Var& item() const { return item_; }

  // `groups` of a section are made by `work`, which is given the number of one.
  using Groups = std::function<Dim(const MatmulSection&)>;
  using Work = std::function<Stmt(const MatmulSection&, const Var& group)>;
  // `runs` is 1 where the kernel is wanted, else 0.
  LoweredGroup lower(const Dim& runs, const Groups& groups, const Work& work) {
    const MatmulForm& form = parts_.form();
    KernelBuilder& kernel = parts_.kernel();
    Var rest = make_var("rest");
    std::vector<Stmt> stmts;
    Dim all;
    for (const MatmulSection& section : form.sections) {
      all += groups(section);
      ends_.push_back(make_var("end"));
      stmts.push_back(let(ends_.back(), size_of(all)));
    }
    if (numbers_) stmts.push_back(numbers_->compute());
    const bool one = form.batch == 1;
    Expr in_batch = item_index(var(ends_.back()));
    stmts.push_back(for_loop(
        item_, var(kernel.lo()), var(kernel.hi()),
        block({let(form.b, one ? int_literal(0)
                               : item_index(var(item_)) / in_batch),
               let(rest, one ? var(item_) : item_index(var(item_)) % in_batch),
               sections(rest, work)}),
        LoopKind::kItems));
    Dim cost;
    for (const MatmulSection& section : form.sections) {
      cost += form.batch * form.rows * form.depth * section.columns;
    }
    // What one core of a CPU would take; a GPU cuts work by items alone.
    return kernel.finish(block(std::move(stmts)), runs * form.batch * all,
                         floordiv(runs * cost, Dim(8)));
  }

 private:
  // The section that item `rest` of a batch belongs to, and its work.
  Stmt sections(const Var& rest, const Work& work) {
    const auto& all = parts_.form().sections;
    Stmt chosen;
    for (size_t s = all.size(); s-- > 0;) {
      Var group = make_var("group");
      Expr start = s == 0 ? int_literal(0) : var(ends_[s - 1]);
      Stmt mine =
          block({let(group, var(rest) - start), work(all[s], group)});
      chosen = chosen ? if_then(var(rest) < var(ends_[s]), mine, chosen) : mine;
    }
    return chosen;
  }

  MatmulParts parts_;
  std::optional<RowNumbers> numbers_;  // of the prologue
  Var item_ = make_var("item");
  std::vector<Var> ends_;
};

}  // namespace

// 1 when there are so many rows, else 0.
static Dim at_least(const Dim& rows, int64_t least) {
  return min(floordiv(rows, Dim(least)), Dim(1));
}
Dim many(const Dim& rows) { return at_least(rows, kFewRows + 1); }
// 1 when there are rows, and few.
static Dim few(const Dim& rows) { return min(rows, Dim(1)) - many(rows); }

LoweredGroup lower_few(const Group& group, const MatmulPlan& plan,
                       const PrologueForm* prologue) {
  MatmulKernel kernel(group, plan, prologue);
  MatmulParts& parts = kernel.parts();
  auto strips_of = [](int64_t width) {
    return [width](const MatmulSection& section) {
      return ceildiv(section.columns, Dim(width));
    };
  };
  const Dim runs = few(plan.form.rows);
  if (plan.streams) {
    MatmulStream stream(parts);
    const int64_t width = MatmulStream::kColumns;
    return kernel.lower(runs, strips_of(width),
                        [&](const MatmulSection& section, const Var& strip) {
                          return stream.columns(
                              section, var(strip) * int_literal(width));
                        });
  }
  MatmulFew columns(parts);
  return kernel.lower(runs, strips_of(kFewColumns),
                      [&](const MatmulSection& section, const Var& strip) {
                        return columns.columns(
                            section, var(strip) * int_literal(kFewColumns));
                      });
}

namespace {

// Tiles of one batch, of a section.
Dim tiles_of(const MatmulSection& section, const Dim& rows) {
  return ceildiv(rows, Dim(kTileRows)) *
         ceildiv(section.columns, Dim(kTileColumns));
}

// Neighbours share columns, whose weights are then in the cache.
struct TilePlace {
  Expr row, column;
};
TilePlace place_of(const Expr& tile, const Dim& rows) {
  Expr row_tiles = item_index(size_of(ceildiv(rows, Dim(kTileRows))));
  return {item_index(tile) % row_tiles * int_literal(kTileRows),
          item_index(tile) / row_tiles * int_literal(kTileColumns)};
}

LoweredGroup lower_mma(const Group& group, const MatmulPlan& plan,
                       const Dim& runs, int64_t shared_bytes) {
  MatmulKernel kernel(group, plan);
  MatmulParts& parts = kernel.parts();
  const Dim& rows = plan.form.rows;
  Dim all;
  for (const MatmulSection& section : plan.form.sections) {
    all += plan.form.batch * tiles_of(section, rows);
  }
  SplitDepth split(plan, all);
  const Dim& pieces = split.pieces();
  const bool may_split = !(pieces == 1);
  const int64_t sums = MatmulMma::sums(parts);
  if (may_split) split.bind(parts, sums);
  MatmulMma mma(parts, shared_bytes);
  if (may_split) split.add_arrays(parts);
  Expr steps = size_of(mma.steps());
  auto whole = [&](const MatmulSection& section, const Var& tile) {
    const TilePlace at = place_of(var(tile), rows);
    return mma.tile(section, at.row, at.column, int_literal(0), steps, nullptr);
  };
  auto work = [&](const MatmulSection& section, const Var& item) {
    Var count = make_var("pieces"), number = make_var("piece");
    Var each = make_var("steps");
    const TilePlace at = place_of(item_index(var(item)) / var(count), rows);
    const MatmulMma::Piece piece{split, var(kernel.item()), var(count)};
    Expr first = var(number) * var(each);
    return block(
        {let(count, item_index(size_of(pieces))),
         let(number, item_index(var(item)) % var(count)),
         let(each, size_of(ceildiv(mma.steps(), pieces))),
         mma.tile(section, at.row, at.column, first,
                  min(steps, first + var(each)), &piece)});
  };
  auto groups = [&](const MatmulSection& section) {
    return pieces * tiles_of(section, rows);
  };
  if (!may_split) return kernel.lower(runs, groups, whole);
  LoweredGroup lowered = kernel.lower(runs, groups, work);
  lowered.scratch = split.scratch(runs, sums);
  return lowered;
}

// Nothing where the sides are not stored as the copy unit wants them.
std::optional<LoweredGroup> lower_wgmma(const Group& group,
                                        const MatmulPlan& plan,
                                        int64_t shared_bytes) {
  MatmulKernel kernel(group, plan, nullptr, MatmulWgmma::kThreads);
  MatmulParts& parts = kernel.parts();
  const auto views = MatmulWgmma::views(parts);
  if (!views) return std::nullopt;
  MatmulWgmma wgmma(parts, *views, shared_bytes);
  const Dim& rows = plan.form.rows;
  const Dim row_tiles = ceildiv(rows, Dim(MatmulWgmma::kRows));
  const Expr tiles = item_index(size_of(row_tiles));
  return kernel.lower(
      at_least(rows, MatmulWgmma::kLeastRows),
      [&](const MatmulSection& section) {
        return row_tiles * ceildiv(section.columns, Dim(wgmma.columns(section)));
      },
      [&](const MatmulSection& section, const Var& tile) {
        return wgmma.tile(section,
                          item_index(var(tile)) % tiles *
                              int_literal(MatmulWgmma::kRows),
                          item_index(var(tile)) / tiles);
      });
}

LoweredGroup lower_tiles(const Group& group, const MatmulPlan& plan) {
  MatmulKernel kernel(group, plan);
  MatmulTile plain(kernel.parts());
  const Dim& rows = plan.form.rows;
  return kernel.lower(
      many(rows),
      [&](const MatmulSection& section) { return tiles_of(section, rows); },
      [&](const MatmulSection& section, const Var& tile) {
        const TilePlace at = place_of(var(tile), rows);
        return plain.tile(section, at.row, at.column);
      });
}

}  // namespace

void choose_stream(const Group& group, MatmulPlan& plan,
                   const PrologueForm* prologue) {
  if (!plan.streams) return;
  MatmulParts parts(group, plan, prologue);
  if (!MatmulStream::reads_left(parts)) plan.streams = plan.in_steps = false;
}

// All kernels bind the same layouts, in the same order; the first may have one
// more, of its own.
static void add_after(LoweredGroup& group, LoweredGroup other) {
  LATHE_CHECK(other.packed.size() <= group.packed.size(),
              "two layouts of one weight");
  group.after.push_back(std::move(other));
}

LoweredGroup lower_many(const Group& group, MatmulPlan plan,
                        const Target& target) {
  const int64_t shared_bytes = target.gpu->shared_bytes;
  plan.float8 = target.gpu->float8 && suits_float8(plan);
  const Dim& rows = plan.form.rows;
  if (!plan.exact) return lower_tiles(group, plan);
  const bool has_large =
      !rows.is_static() || rows.value() >= MatmulWgmma::kLeastRows;
  std::optional<LoweredGroup> large;
  if (target.gpu->wgmma && has_large) {
    large = lower_wgmma(group, plan, shared_bytes);
  }
  if (!large) return lower_mma(group, plan, many(rows), shared_bytes);
  if (rows.is_static()) return *std::move(large);
  const Dim runs = many(rows) - at_least(rows, MatmulWgmma::kLeastRows);
  LoweredGroup lowered = lower_mma(group, plan, runs, shared_bytes);
  add_after(lowered, *std::move(large));
  return lowered;
}

bool matches_matmul(const Group& group, const Target&) {
  std::optional<MatmulForm> form = match_matmul(group);
  return form && !(form->depth == 0);
}

LoweredGroup lower_matmul(const Group& group, const Target& target) {
  MatmulPlan plan = plan_matmul(group, *match_matmul(group));
  choose_stream(group, plan, nullptr);
  const Dim& rows = plan.form.rows;
  const bool only_few = rows.is_static() && rows.value() <= kFewRows;
  if (only_few) return lower_few(group, plan, nullptr);
  LoweredGroup lowered = lower_many(group, plan, target);
  if (rows.is_static()) return lowered;
  add_after(lowered, lower_few(group, plan, nullptr));
  return lowered;
}

}  // namespace lathe::cuda
