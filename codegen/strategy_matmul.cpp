// Matrix products from register tiles.
//
// A work item is a block of rows times a few panels of columns. For each block
// of depth the left side is made ready (read in place when it is a float32
// operand with contiguous k, else evaluated once into a local block: the
// prologue), then every panel's block, which fits in L1, is used by all row
// tiles. Partial sums wait in a local block; when all of k is done, the maps
// of the group run over it and store the outputs: the epilogue.
//
//   for item:  for k block:  for panel:  for row tile:  registers
//              epilogue
//
// Right sides that are weights come as packed panels, which the tiles load
// directly or, in a dtype they cannot load, through a local block; activations
// are evaluated into such a block at run time.

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "codegen/dot_tile.h"
#include "codegen/kernel_builder.h"
#include "codegen/matmul_form.h"
#include "codegen/matmul_grid.h"
#include "codegen/matmul_operands.h"
#include "codegen/matmul_panels.h"
#include "codegen/register_tile.h"
#include "codegen/stored_right.h"
#include "codegen/stored_tiles.h"
#include "codegen/stream_tile.h"
#include "spec/round_up.h"

namespace lathe {
namespace {

// Rows of a work item, in tiles.
constexpr int kRowTiles = 16;
// Steps of a tile that pay for loading and storing its sums.
constexpr int64_t kLeastSteps = 128;
// Work items to aim at with few rows where each prepares its left side.
constexpr int64_t kItemsThatPrepare = 128;
// A depth block is a multiple of this, and so of every count of chains.
constexpr int64_t kDepthStep = 8;

TileShape tile_for(const MatmulForm& form, const Target& target) {
  bool is_double = form.type == NumType::kFloat64;
  return tile_shape(target, is_double ? DType::kFloat64 : DType::kFloat32);
}

class MatmulLowering {
 public:
  MatmulLowering(const Group& group, MatmulForm form, const Target& target)
      : group_(group),
        form_(std::move(form)),
        kernel_(group),
        panels_(plan_panels(form_, tile_for(form_, target))),
        context_{form_, kernel_, panels_, tile_for(form_, target), {}, {}},
        tile_(context_.tile),
        at_(context_.at),
        left_(complete(target)),
        right_(context_),
        grid_(context_) {
    if (context_.left_codes) dots_.emplace(context_, *right_.stored());
    context_.depth_block = depth_block(target);
    context_.row_block = row_block();
    bind_rest();
    add_locals();
  }

  LoweredGroup lower() {
    Stmt shared = begin();
    Var item = make_var("item");
    std::vector<Stmt> body = {grid_.position(item), depth_loop()};
    for (size_t s = 0; s < form_.sections.size(); ++s) {
      body.push_back(in_section(context_, s, epilogue(s)));
    }
    Stmt loop = for_loop(item, var(kernel_.lo()), var(kernel_.hi()),
                         block(std::move(body)), LoopKind::kItems);
    return kernel_.finish(block({shared, loop}), grid_.items(), cost());
  }

 private:
  // --- sizes and buffers ---

  MatmulContext& complete(const Target& target) {
    bool decodes = form_.right_at_load && tile_.dtype == DType::kFloat32 &&
                   !packed_dtype(form_, tile_);
    if (decodes && target.int8_dot) cut_both();
    if (decodes && !context_.cut) context_.cut = cut_right(form_, group_);
    if (context_.cut) {
      move_floats(*context_.cut, form_);
      share_out_few(panels_, kItemsThatPrepare);
    }
    context_.pairs =
        !context_.left_codes &&
        multiplies_pairs(form_, context_.tile, context_.cut, target);
    context_.ranges.add(form_.b, form_.batch);
    context_.ranges.add(form_.m, form_.rows);
    context_.ranges.add(form_.k, form_.depth);
    return context_;
  }

  // Codes on both sides.
  void cut_both() {
    std::optional<LeftCut> left = cut_left(form_, group_);
    if (!left) return;
    context_.cut = cut_bytes(form_, group_, left->group);
    if (!context_.cut) return;
    context_.left_codes = std::move(left);
  }

  // A panel's block takes half of L1, or more where it would be too short.
  int64_t depth_block(const Target& target) const {
    int64_t depth =
        target.l1_bytes / 2 / (panels_.width * right_.block_bytes());
    int64_t least = context_.pairs ? 2 * kLeastSteps : kLeastSteps;
    depth = std::max<int64_t>(least, depth / 64 * 64);
    int64_t step = left_.run() % kDepthStep == 0 ? left_.run() : kDepthStep;
    if (right_.stored()) step = std::lcm(step, right_.stored()->depth_step());
    if (dots_) step = dots_->depth_step();
    if (!form_.depth.is_static()) return round_up(depth, step);
    // Blocks of about equal size.
    int64_t all = std::max<int64_t>(1, form_.depth.value());
    int64_t blocks = (all + depth - 1) / depth;
    return round_up((all + blocks - 1) / blocks, step);
  }

  int64_t row_block() const {
    int64_t most = static_cast<int64_t>(kRowTiles) * tile_.rows;
    if (!form_.rows.is_static()) return most;
    int64_t rows = std::max<int64_t>(1, form_.rows.value());
    return std::min(most, round_up(rows, tile_.rows));
  }

  void bind_rest() {
    for (const MatmulPart& part : form_.parts) {
      if (part.scale) kernel_.bind_operands(part.scale);
    }
    for (const MatmulSection& section : form_.sections) {
      for (int s : section.stages) {
        if (part_of(section, s) < 0) {
          kernel_.bind_operands(body_of(group_.stage(s)));
        }
      }
    }
    for (size_t o = 0; o < group_.definition.outputs.size(); ++o) {
      kernel_.output(static_cast<int>(o));
    }
  }

  void add_locals() {
    sums_stride_ = static_cast<int64_t>(panels_.most) * panels_.width;
    sums_ =
        kernel_.local("sums", tile_.dtype, context_.row_block * sums_stride_);
    if (dots_) return dots_->add_locals();
    left_.add_local();
    right_.add_local();
    int cells = tile_.rows * tile_.vectors;
    locals_.acc = kernel_.local("acc", tile_.dtype, cells, tile_.lanes);
    locals_.right = kernel_.local("b", tile_.dtype, tile_.vectors, tile_.lanes);
    locals_.offsets = kernel_.local("row", DType::kInt64, tile_.rows);
    if (!right_.stored()) return;
    stream_.emplace(context_, left_, *right_.stored());
    stream_->add_locals(locals_);
  }

  // A core does some 40 multiply-adds a nanosecond and reads 10 bytes.
  Dim cost() const {
    Dim weights = form_.batch * panels_.panels * panels_.width * form_.depth;
    return floordiv(weights * form_.rows, Dim(40)) +
           floordiv(weights * Dim(right_.block_bytes()), Dim(10));
  }

  // What does not depend on the work item.
  Stmt begin() {
    std::vector<Stmt> stmts = {grid_.begin(), right_.prepare()};
    if (stream_) stmts.push_back(stream_->begin());
    return block(std::move(stmts));
  }

  // --- the sums ---

  Stmt depth_loop() const {
    Var kb = make_var("kb");
    Expr depth = size_of(form_.depth);
    Expr step = int_literal(context_.depth_block);
    Stmt body = block({let(at_.k0, var(kb) * step),
                       let(at_.depth, min(depth - var(at_.k0), step)),
                       dots_ ? dots() : sums_of_block()});
    // An empty sum still writes its zeros.
    Expr blocks = max(ceil_div(depth, step), int_literal(1));
    return for_loop(kb, int_literal(0), blocks, body);
  }

  Stmt dots() const {
    Stmt panel =
        block({right_.stored()->prepare_prefetch(),
               dots_->panel(sums_, sum_index(int_literal(0), var(at_.p),
                                             int_literal(0)))});
    return block({dots_->prepare(),
                  for_loop(at_.p, int_literal(0), var(at_.panels), panel)});
  }

  Stmt sums_of_block() const {
    Stmt tiles =
        tile_rows(tile_heights(tile_), var(at_.rows),
                  [&](const Expr& first_row) { return tile_code(first_row); });
    Stmt sums = block({right_.fill(), tiles});
    if (stream_ && context_.pairs) {
      sums = tiles_of_stored_pairs(
          context_, left_, right_, *stream_, locals_, sums_,
          [&](const Expr& first_row) { return tile_code(first_row); });
    }
    Stmt panels = for_loop(at_.p, int_literal(0), var(at_.panels), sums);
    if (stream_) {
      // In pairs many rows need the sums of the left side too.
      Stmt many = context_.pairs ? block({stream_->prepare(), panels}) : panels;
      Stmt few = block({stream_->prepare(), streamed()});
      panels = if_then(few_to_stream(), few, many);
    }
    return block({left_.fill(), panels});
  }

  // Where the sum of a row is: rows of all panels, or one panel behind the
  // other where all rows take turns with a panel.
  Expr sum_index(const Expr& row, const Expr& panel, const Expr& column) const {
    const int64_t width = panels_.width;
    if (dots_) return (panel * context_.row_block + row) * width + column;
    return row * sums_stride_ + panel * width + column;
  }

  Expr few_to_stream() const {
    return var(at_.rows) <= int_literal(stream_->rows());
  }

  Stmt streamed() const {
    Stmt panel = block({right_.stored()->prepare_prefetch(),
                        stream_->panel(sums_, sums_stride_)});
    return for_loop(at_.p, int_literal(0), var(at_.panels), panel);
  }

  TileCode tile_code(const Expr& first_row) const {
    TileCode code;
    code.shape = tile_;
    code.locals = locals_;
    code.offset = [this, first_row](const Expr& i) {
      return left_.offset(first_row + i);
    };
    code.left = [this](const Expr& offset, const Expr& k) {
      return left_.element(offset, k);
    };
    code.right = [this](const Expr& k, const Expr& column) {
      return right_.vector(k, column);
    };
    if (right_.prefetches()) {
      code.step = [this, first_row](const Expr& k) {
        return right_.prefetch_next(k, first_row / tile_.rows);
      };
      code.step_rows = right_.lines_a_row() > 1 ? 2 : 1;
    }
    code.k_count = var(at_.depth);
    if (mod(form_.depth, kDepthStep) == 0) code.k_multiple = kDepthStep;
    if (context_.pairs) {
      code.k_count = ceil_div(code.k_count, int_literal(2));
      code.k_multiple = std::max<int64_t>(1, code.k_multiple / 2);
      code.multiply = [this](const Expr& cell, const Expr& offset,
                             const Expr& k, const Expr& column) {
        return intrinsic(IntrinsicOp::kDotBf16, {{locals_.acc, cell},
                                                 left_.pair(offset, k),
                                                 right_.pairs(k, column)});
      };
    }
    code.out = sums_;
    code.out_index = [this, first_row](const Expr& i, const Expr& j) {
      return sum_index(first_row + i, var(at_.p), j);
    };
    code.resume = var(at_.k0) > int_literal(0);
    return code;
  }

  // --- the epilogue ---

  Stmt epilogue(size_t s) {
    const MatmulSection& section = form_.sections[s];
    Ranges ranges = context_.ranges;
    ranges.add(form_.n, section.columns);
    Var unit = make_var("u"), i = make_var("i"), j = make_var("j"),
        n0 = make_var("n0");
    Stmt cell = block({let(form_.n, var(n0) + var(j)),
                       maps(section, ranges, var(i), var(unit), var(j))});
    // Not a constant even where all panels are whole: g++ 12 would unroll the
    // loop and then spill the accumulators of the tiles.
    Expr columns =
        min(size_of(section.columns) - var(n0), int_literal(panels_.width));
    Stmt row =
        block({let(form_.m, var(at_.m0) + var(i)),
               for_loop(j, int_literal(0), columns, cell, LoopKind::kVector)});
    Stmt rows = for_loop(i, int_literal(0), var(at_.rows), row);
    Expr first = (var(at_.u0) + var(unit)) * panels_.width;
    return for_loop(unit, int_literal(0), var(at_.units),
                    block({let(n0, first), rows}));
  }

  // All stages of a section at (b, m, n).
  Stmt maps(const MatmulSection& section, const Ranges& ranges, const Expr& i,
            const Expr& unit, const Expr& j) {
    const MatmulPart& model = form_.parts[section.parts[0]];
    std::vector<Expr> index;
    for (const Var& axis : group_.stage(model.stage).axes) {
      index.push_back(model.axes.at(axis.get()));
    }
    return kernel_.point(section.stages, index, ranges, [&](int stage) {
      int q = part_of(section, stage);
      if (q < 0) return Expr();
      int count = static_cast<int>(section.parts.size());
      Expr place = sum_index(i, unit * count + q, j);
      Expr sum = flat_load(sums_, tile_.dtype, place);
      const MatmulPart& part = form_.parts[section.parts[q]];
      if (!part.scale.get()) return sum;
      return sum * kernel_.lower(part.scale, part.axes, ranges);
    });
  }

  // Which part of the section the stage is, or -1 for a map.
  int part_of(const MatmulSection& section, int stage) const {
    for (size_t q = 0; q < section.parts.size(); ++q) {
      if (form_.parts[section.parts[q]].stage == stage) {
        return static_cast<int>(q);
      }
    }
    return -1;
  }

  const Group& group_;
  MatmulForm form_;
  KernelBuilder kernel_;
  MatmulPanels panels_;
  MatmulContext context_;
  const TileShape& tile_;
  const MatmulPlace& at_;
  MatmulLeft left_;
  MatmulRight right_;
  MatmulGrid grid_;
  TileLocals locals_;
  std::optional<StreamTile> stream_;
  std::optional<DotTile> dots_;
  int sums_ = -1;
  int64_t sums_stride_ = 0;
};

}  // namespace

bool matches_matmul(const Group& group, const Target&) {
  std::optional<MatmulForm> form = match_matmul(group);
  return form && !(form->depth == 0);
}

LoweredGroup lower_matmul(const Group& group, const Target& target) {
  return MatmulLowering(group, *match_matmul(group), target).lower();
}

}  // namespace lathe
