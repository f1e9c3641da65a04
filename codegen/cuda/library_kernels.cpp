#include "codegen/cuda/library_kernels.h"

#include <algorithm>
#include <utility>

#include "codegen/kernel_builder.h"
#include "spec/text.h"

namespace lathe::cuda {
namespace {

// An item is one number for each thread of a block.
constexpr int kCellThreads = 256;

Dim blocks_of(const Dim& cells) { return ceildiv(cells, Dim(kCellThreads)); }

// The numbers of cells [0, cells), `first` items into the kernel, by `body`.
Stmt each_cell(const Expr& item, const Var& worker, const Var& cell,
               const Dim& cells, Stmt body) {
  return block({let(cell, item * int_literal(kCellThreads) + var(worker)),
                if_then(var(cell) < size_of(cells), std::move(body))});
}

bool is_part(const MatmulForm& form, const MatmulSection& section, int stage) {
  return std::any_of(section.parts.begin(), section.parts.end(), [&](int p) {
    return form.parts[size_t(p)].stage == stage;
  });
}

// Closes sections, each with items of its own.
class SectionsKernel {
 public:
  SectionsKernel(const Group& group, const MatmulForm& form,
                 const std::vector<MatmulSection>& sections,
                 const std::vector<int>& sums)
      : group_(group),
        form_(form),
        sections_(sections),
        kernel_(group),
        slots_(form.parts.size(), -1) {
    for (const MatmulSection& section : sections_) bind(section, sums);
    worker_ = kernel_.share_items(kCellThreads);
  }

  LoweredKernel run(const Dim& runs) {
    const Var item = make_var("item");
    std::vector<Stmt> stmts;
    Dim items, cost;
    for (const MatmulSection& section : sections_) {
      items += blocks_of(form_.rows * section.columns);
      cost += form_.rows * section.columns;
      ends_.push_back(make_var("end"));
      stmts.push_back(let(ends_.back(), size_of(items)));
    }
    Stmt body = block({let(form_.b, int_literal(0)), in_section(item)});
    stmts.push_back(for_loop(item, var(kernel_.lo()), var(kernel_.hi()),
                             std::move(body), LoopKind::kItems));
    return kernel_.finish(block(std::move(stmts)), runs * items, runs * cost);
  }

 private:
  // All buffers, in the order of use.
  void bind(const MatmulSection& section, const std::vector<int>& sums) {
    for (int part : section.parts) {
      const Expr& scale = form_.parts[size_t(part)].scale;
      if (scale.get()) kernel_.bind_operands(scale);
      slots_[size_t(part)] = kernel_.scratch(
          sums[size_t(part)], {cat({"product", part}), DType::kFloat32, {}},
          false);
    }
    for (int s : section.stages) {
      if (!is_part(form_, section, s)) {
        kernel_.bind_operands(body_of(group_.stage(s)));
      }
      const auto& outputs = group_.definition.outputs;
      const auto output = std::find(outputs.begin(), outputs.end(), s);
      if (output == outputs.end()) continue;
      kernel_.output(static_cast<int>(output - outputs.begin()));
    }
  }

  Stmt in_section(const Var& item) {
    Stmt chosen;
    for (size_t s = sections_.size(); s-- > 0;) {
      const Expr first = s == 0 ? int_literal(0) : var(ends_[s - 1]);
      const Var cell = make_var("cell");
      const Dim& columns = sections_[s].columns;
      Stmt mine = each_cell(
          var(item) - first, worker_, cell, form_.rows * columns,
          block({let(form_.m, var(cell) / size_of(columns)),
                 let(form_.n, var(cell) % size_of(columns)),
                 point(sections_[s], var(cell))}));
      chosen = chosen ? if_then(var(item) < var(ends_[s]), mine, chosen) : mine;
    }
    return chosen;
  }

  Stmt point(const MatmulSection& section, const Expr& cell) {
    const Ranges ranges = ranges_of(form_, section.columns);
    const MatmulPart& model = form_.parts[size_t(section.parts[0])];
    std::vector<Expr> index;
    for (const Var& axis : group_.stage(model.stage).axes) {
      index.push_back(model.axes.at(axis.get()));
    }
    return kernel_.point(section.stages, index, ranges, [&](int stage) {
      for (int p : section.parts) {
        const MatmulPart& part = form_.parts[size_t(p)];
        if (part.stage != stage) continue;
        const Expr sum = flat_load(slots_[size_t(p)], DType::kFloat32, cell);
        return part.scale.get()
                   ? sum * kernel_.lower(part.scale, part.axes, ranges)
                   : sum;
      }
      return Expr();
    });
  }

  const Group& group_;
  const MatmulForm& form_;
  const std::vector<MatmulSection>& sections_;
  KernelBuilder kernel_;
  std::vector<int> slots_;  // by part
  Var worker_;
  std::vector<Var> ends_;
};

}  // namespace

LoweredKernel lay_out_scales(const Group& group, const MatmulForm& form,
                             const LibrarySide& left, const Dim& padded_rows,
                             int scratch, const Dim& runs) {
  const Dim blocks = floordiv(form.depth, Dim(kScaleBlock));
  const Dim cells = blocks * padded_rows;
  KernelBuilder kernel(group);
  kernel.bind_operands(left.factor);
  const int slot = kernel.scratch(
      scratch, {"row_scales", DType::kFloat32, {}}, true);
  const Var worker = kernel.share_items(kCellThreads);
  const Var item = make_var("item"), cell = make_var("cell");
  Ranges ranges = ranges_of(form, Dim(1));
  ranges.add(left.block, blocks);
  const Expr factor = kernel.lower(left.factor, {}, ranges);
  Stmt body = block(
      {let(left.block, var(cell) / size_of(padded_rows)),
       let(form.m, var(cell) % size_of(padded_rows)),
       if_then(var(form.m) < size_of(form.rows),
               store(slot, var(cell), factor),
               store(slot, var(cell), float_literal(0, NumType::kFloat32)))});
  Stmt loop = for_loop(
      item, var(kernel.lo()), var(kernel.hi()),
      block({let(form.b, int_literal(0)),
             each_cell(var(item), worker, cell, cells, std::move(body))}),
      LoopKind::kItems);
  return kernel.finish(std::move(loop), runs * blocks_of(cells), runs * cells);
}

LoweredKernel close_sections(const Group& group, const MatmulForm& form,
                             const std::vector<MatmulSection>& sections,
                             const std::vector<int>& sums, const Dim& runs) {
  return SectionsKernel(group, form, sections, sums).run(runs);
}

}  // namespace lathe::cuda
