#include "codegen/row_pieces.h"

#include <algorithm>

#include "codegen/row_lowering.h"
#include "spec/text.h"

namespace lathe {
namespace {

// When a group is cut.
struct PieceRule {
  int64_t most_rows;
  // A row that is long enough, where there is one loop over it, or one row; and
  // where there are several, which find the row in the cache.
  int64_t long_row, long_row_of_loops;
};
constexpr PieceRule kCpuRule = {8, 2 * kPiece, 8 * kPiece};
constexpr PieceRule kGpuRule = {kMostGpuRows, 4 * kGpuPiece, 16 * kGpuPiece};
// Threads for a piece.
constexpr int kPieceThreads = 256;

// Whether a kernel could not be run again for the first wrong index, for it
// changes what it has read.
bool is_in_place(const Group& group, const RowPlan& plan) {
  const bool keeps = std::any_of(
      plan.keep.begin(), plan.keep.end(),
      [](Keep keep) { return keep == Keep::kOutput || keep == Keep::kLent; });
  return keeps && checks_indices(group);
}

bool has_points_that_reduce(const RowPlan& plan) {
  for (size_t s = 0; s < plan.forms.size(); ++s) {
    if (plan.forms[s].reduce && !plan.forms[s].own.empty()) return true;
  }
  return false;
}

// Whether the loops of the phase find something that pieces have to join.
bool reduces_in_loops(const RowPlan& plan, const Phase& phase) {
  return !phase.extents.empty() &&
         std::any_of(phase.stages.begin(), phase.stages.end(),
                     [&](int s) { return plan.accumulates(s); });
}

// 1 where the rows are worth to be cut, 0 where they are not.
Dim is_long(const RowPlan& plan, const PieceRule& rule) {
  const Dim rows = numel(plan.rows);
  if (!rows.is_static() || rows.value() < 1 || rows.value() > rule.most_rows ||
      has_points_that_reduce(plan)) {
    return 0;
  }
  Dim points = 0;
  int loops = 0;
  for (const Phase& phase : plan.phases) {
    if (phase.extents.empty()) continue;
    ++loops;
    if (reduces_in_loops(plan, phase)) {
      points = max(points, numel(phase.extents));
    }
  }
  const Dim least =
      loops == 1 || rows == 1 ? rule.long_row : rule.long_row_of_loops;
  if (provably_at_least(points, least)) return 1;
  if (provably_less(points, least)) return 0;
  return min(Dim(1), floordiv(points, least));
}

std::vector<RowPart> parts_of(const RowPlan& plan, bool gpu) {
  std::vector<RowPart> parts;
  const size_t count = plan.phases.size();
  for (size_t p = 0; p < count;) {
    const Phase& phase = plan.phases[p];
    const bool loops = !phase.extents.empty();
    const bool reduces = reduces_in_loops(plan, phase);
    RowPart rest;
    rest.joined = reduces ? static_cast<int>(p) : -1;
    rest.first = rest.last = loops ? p + 1 : p;
    while (rest.last < count && plan.phases[rest.last].extents.empty()) {
      ++rest.last;
    }
    if (loops) {
      parts.push_back({static_cast<int>(p)});
      if (gpu && reduces) {
        rest.loop = parts.back().loop;
        parts.pop_back();
      }
    }
    if (reduces || rest.first < rest.last) parts.push_back(rest);
    p = rest.last;
  }
  return parts;
}

// Those of `kernels`, which run where `long_rows` is 1, behind the first.
void append(std::vector<LoweredGroup> kernels, const Dim& long_rows,
            LoweredGroup& group) {
  for (LoweredGroup& kernel : kernels) {
    kernel.items *= long_rows;
    kernel.cost *= long_rows;
    group.after.push_back(std::move(kernel));
  }
}

}  // namespace

std::optional<LoweredGroup> lower_in_pieces(const Group& group,
                                            const Target& target) {
  if (column_axis(group) >= 0) return std::nullopt;
  const bool gpu = target.gpu.has_value();
  const auto plan = try_plan_rows(group, group.row_axes, 0);
  if (!plan || is_in_place(group, *plan)) return std::nullopt;
  const Dim long_rows = is_long(*plan, gpu ? kGpuRule : kCpuRule);
  if (long_rows == 0) return std::nullopt;
  RowHandover handover;
  handover.pieces.resize(plan->phases.size());
  std::vector<LoweredGroup> kernels;
  for (const RowPart& part : parts_of(*plan, gpu)) {
    RowLowering lowering(group, target, gpu ? Vectors::kNo : Vectors::kYes,
                         *plan, Cut::kPieces);
    lowering.with_part(part, handover)
        .with_workers(gpu && part.loop >= 0 ? kPieceThreads : 1);
    kernels.push_back(lowering.run());
  }
  LoweredGroup lowered;
  if (long_rows == 1) {
    lowered = std::move(kernels.front());
    kernels.erase(kernels.begin());
  } else {
    lowered = lower_rows(group, target, Vectors::kYes);
    lowered.items *= Dim(1) - long_rows;
    lowered.cost *= Dim(1) - long_rows;
  }
  append(std::move(kernels), long_rows, lowered);
  lowered.scratch = std::move(handover.scratch);
  for (Scratch& scratch : lowered.scratch) scratch.shape[0] *= long_rows;
  return lowered;
}

}  // namespace lathe
