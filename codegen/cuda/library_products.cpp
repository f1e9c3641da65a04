#include "codegen/cuda/library_products.h"

#include <algorithm>
#include <utility>

#include "codegen/cuda/library_kernels.h"
#include "codegen/cuda/library_modes.h"
#include "codegen/cuda/library_sides.h"
#include "codegen/cuda/strategy_matmul_cuda.h"
#include "codegen/packed_operand.h"
#include "spec/round_up.h"
#include "spec/text.h"

namespace lathe::cuda {
namespace {

// Lines of scales by blocks are padded to a multiple of this.
constexpr int64_t kScalePad = 4;

Dim choice() { return Dim::symbol(kLibraryChoice); }

int64_t padded(int64_t count) { return round_up(count, kScalePad); }

class LibraryPlanner {
 public:
  LibraryPlanner(const Group& group, const MatmulForm& form, int sm,
                 LoweredGroup& lowered)
      : group_(group), form_(form), sm_(sm), lowered_(lowered) {}

  // Adds the steps, or nothing where the library has no such product.
  void run() {
    if (!plan()) return;
    Dim columns;
    for (const MatmulSection& section : form_.sections) {
      columns += section.columns * Dim(int64_t(section.parts.size()));
    }
    const bool closes = own_.empty();
    const Dim wanted =
        worth_while(steps_[0].product, columns,
                    closes ? Closing::kLibrary : Closing::kKernel);
    if (wanted == 0) return;
    yield_own_kernels();
    add_steps(wanted);
  }

 private:
  // A product with its buffers, but for those in scratch.
  struct Planned {
    LibraryProduct product;
    std::vector<BufferBinding> bindings;
    int part = -1;
  };

  bool plan() {
    if (!(form_.batch == 1) || form_.type != NumType::kFloat32 ||
        !form_.depth.is_static()) {
      return false;
    }
    left_ = library_side(group_, form_, form_.left, form_.m,
                         ranges_of(form_, Dim(1)));
    if (!left_) return false;
    return std::all_of(
        form_.sections.begin(), form_.sections.end(),
        [&](const MatmulSection& section) { return plan_section(section); });
  }

  bool plan_section(const MatmulSection& section) {
    if (!section.columns.is_static()) return false;
    const auto closing = library_closing(group_, form_, section);
    // A side has scales of one kind.
    const bool scales = closing && std::max({closing->left_number,
                                             closing->right_number,
                                             closing->left_lines,
                                             closing->right_lines}) >= 0;
    if (closing && !(scales && left_->factor.get()) &&
        plan_closed(section, *closing)) {
      return true;
    }
    own_.push_back(section);
    for (int part : section.parts) {
      Planned planned;
      if (!plan_sides(section, part, planned)) return false;
      planned.product.form.result = DType::kFloat32;
      planned.product.result_stride = section.columns;
      if (!finish(std::move(planned))) return false;
    }
    return true;
  }

  // The library makes the section's output.
  bool plan_closed(const MatmulSection& section,
                   const LibraryClosing& closing) {
    Planned planned;
    if (!plan_sides(section, section.parts[0], planned)) return false;
    LibraryProduct& product = planned.product;
    const int stage = group_.definition.outputs[size_t(closing.output)];
    product.form.result = group_.stage(stage).dtype;
    product.result_stride = Dim(closing.stride);
    planned.bindings[2] = {BufferSource::kOutput, closing.output};
    const auto scale = [&](ProductSide& side, int number, int lines) {
      if (number >= 0 && lines >= 0) return false;
      const int operand = std::max(number, lines);
      if (operand < 0) return true;
      side.scale = number >= 0 ? ProductScale::kScalar : ProductScale::kLines;
      planned.bindings.push_back({BufferSource::kOperand, operand});
      return true;
    };
    if (!scale(product.form.left, closing.left_number, closing.left_lines) ||
        !scale(product.form.right, closing.right_number,
               closing.right_lines)) {
      return false;
    }
    if (closing.bias >= 0) {
      product.form.bias = group_.operands[size_t(closing.bias)].dtype;
      planned.bindings.push_back({BufferSource::kOperand, closing.bias});
    }
    product.form.adds = closing.added >= 0;
    if (product.form.adds) {
      planned.bindings.push_back({BufferSource::kOperand, closing.added});
    }
    return finish(std::move(planned));
  }

  // Operands, sizes and scales by blocks.
  bool plan_sides(const MatmulSection& section, int part, Planned& planned) {
    const Ranges ranges = ranges_of(form_, section.columns);
    const auto right =
        library_side(group_, form_, form_.parts[size_t(part)].right, form_.n,
                     ranges);
    if (!right || !is_in_place(right->operand)) return false;
    if (bool(left_->factor.get()) != bool(right->factor.get())) return false;
    LibraryProduct& product = planned.product;
    product.form.left = {left_->dtype, left_->along_depth};
    product.form.right = {right->dtype, right->along_depth};
    product.rows = form_.rows;
    product.columns = section.columns;
    product.depth = form_.depth;
    product.left_stride = Dim(left_->stride);
    product.right_stride = Dim(right->stride);
    planned.part = part;
    planned.bindings = {{BufferSource::kOperand, left_->operand},
                        {BufferSource::kOperand, right->operand},
                        {}};
    if (!left_->factor.get()) return true;
    product.form.left.scale = ProductScale::kDepth128;
    product.form.right.scale = ProductScale::kBlock128;
    // Its place in scratch is the first: see add_steps().
    planned.bindings.push_back({BufferSource::kScratch, 0});
    const auto table = right_scales(section, *right, ranges);
    if (!table) return false;
    planned.bindings.push_back(*table);
    return true;
  }

  // As the library wants them: in place, or laid out at load.
  std::optional<BufferBinding> right_scales(const MatmulSection& section,
                                            const LibrarySide& right,
                                            Ranges ranges) {
    const int64_t blocks = form_.depth.value() / kScaleBlock;
    const Var line = make_var("line"), inside = make_var("inside");
    const Dim lines = ceildiv(section.columns, Dim(kScaleBlock));
    ranges.add(line, lines);
    ranges.add(inside, Dim(kScaleBlock));
    ranges.add(right.block, Dim(blocks));
    const Expr n = var(line) * int_literal(kScaleBlock) + var(inside);
    const Expr factor =
        simplify(substitute(right.factor, {{form_.n.get(), n}}), ranges);
    if (depends_on(factor, inside.get())) return std::nullopt;
    const auto table = scale_table(group_, factor, line, right.block, ranges);
    if (table && table->block_stride == 1 &&
        table->line_stride == Dim(padded(blocks))) {
      return BufferBinding{BufferSource::kOperand, table->operand};
    }
    for (const Expr& node : loads_of(factor)) {
      const int slot = std::get<Load>(node->node).slot;
      if (!group_.operands[size_t(slot)].at_load) return std::nullopt;
    }
    const Var at = make_var("at");
    const Expr inner = min(var(at), int_literal(blocks - 1));
    packed_.push_back(packed_operand(
        "block_scales", DType::kFloat32, {lines, Dim(padded(blocks))},
        {line, at}, substitute(factor, {{right.block.get(), inner}})));
    const size_t index = lowered_.packed.size() + packed_.size() - 1;
    return BufferBinding{BufferSource::kPacked, static_cast<int>(index)};
  }

  // No second copy of a weight.
  bool is_in_place(int operand) const {
    if (!group_.operands[size_t(operand)].at_load) return true;
    const auto binds = [&](const LoweredKernel& kernel) {
      return std::any_of(kernel.bindings.begin(), kernel.bindings.end(),
                         [&](const BufferBinding& b) {
                           return b.source == BufferSource::kOperand &&
                                  b.index == operand;
                         });
    };
    return binds(lowered_) || std::any_of(lowered_.after.begin(),
                                          lowered_.after.end(), binds);
  }

  bool finish(Planned planned) {
    const auto version = library_version(planned.product, sm_);
    if (!version) return false;
    planned.product.version = *version;
    steps_.push_back(std::move(planned));
    return true;
  }

  void yield_own_kernels() {
    lowered_.yields = true;
    for (LoweredKernel& kernel : lowered_.after) kernel.yields = true;
  }

  int add_scratch(Scratch scratch) {
    lowered_.scratch.push_back(std::move(scratch));
    return static_cast<int>(lowered_.scratch.size()) - 1;
  }

  void add_steps(const Dim& wanted) {
    for (PackedOperand& packed : packed_) {
      lowered_.packed.push_back(std::move(packed));
    }
    int scales = -1;
    if (left_->factor.get()) {
      const Dim rows = ceildiv(form_.rows, Dim(kScalePad)) * Dim(kScalePad);
      const Dim blocks = floordiv(form_.depth, Dim(kScaleBlock));
      scales = add_scratch({"row_scales", DType::kFloat32,
                            {choice(), blocks, rows}});
      lowered_.after.push_back(
          lay_out_scales(group_, form_, *left_, rows, scales, choice()));
    }
    std::vector<int> sums(form_.parts.size(), -1);
    for (Planned& planned : steps_) {
      const auto result = planned.bindings[2];
      if (result.source != BufferSource::kOutput) {
        sums[size_t(planned.part)] = add_scratch(
            {cat({"product", planned.part}), DType::kFloat32,
             {choice(), form_.rows, planned.product.columns}});
        planned.bindings[2] = {BufferSource::kScratch,
                               sums[size_t(planned.part)]};
      }
    }
    const int workspace = add_scratch(
        {"workspace", DType::kUInt8, {choice() * Dim(kProductWorkspace)}});
    for (Planned& planned : steps_) {
      LoweredKernel step;
      step.bindings = std::move(planned.bindings);
      if (scales >= 0) step.bindings[3].index = scales;
      step.bindings.push_back({BufferSource::kScratch, workspace});
      step.items = choice();
      step.cost = floordiv(form_.rows * planned.product.columns * form_.depth,
                           Dim(8)) * choice();
      step.product = std::move(planned.product);
      step.product->wanted = wanted;
      lowered_.after.push_back(std::move(step));
    }
    if (own_.empty()) return;
    lowered_.after.push_back(
        close_sections(group_, form_, own_, sums, choice()));
  }

  const Group& group_;
  const MatmulForm& form_;
  int sm_;
  LoweredGroup& lowered_;
  std::optional<LibrarySide> left_;
  std::vector<Planned> steps_;
  std::vector<PackedOperand> packed_;
  std::vector<MatmulSection> own_;  // closed by a kernel of ours
};

}  // namespace

void add_library(const Group& group, const Target& target,
                 LoweredGroup& lowered) {
  const MatmulForm form = *match_matmul(group);
  LibraryPlanner(group, form, target.gpu->sm, lowered).run();
}

LoweredGroup lower_products(const Group& group, const Target& target) {
  LoweredGroup lowered = cuda::lower_matmul(group, target);
  add_library(group, target, lowered);
  return lowered;
}

}  // namespace lathe::cuda
