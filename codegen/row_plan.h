#pragma once
// How a row group is computed: the work on one row as a sequence of phases.
//
// A phase is a loop nest over one domain, in which maps are computed point by
// point and reductions over that domain accumulate. LayerNorm over [B, T, n]:
//
//   phase 0  loop n   sum += x
//   phase 1  -        mean = sum / n
//   phase 2  loop n   squares += (x - mean)^2
//   phase 3  -        scale = rsqrt(squares / n + eps)
//   phase 4  loop n   y = (x - mean) * scale * weight + bias
//
// A value that a later phase reads is a scalar, is read back from the output
// it was stored to, is kept in an array on the stack or, where that is too
// large, in the memory of an output that is stored later; else it is computed
// again.

#include <optional>
#include <vector>

#include "codegen/group.h"

namespace lathe {

// The parts of a stage's domain within a row. Axes of extent 1 are left out.
struct StageForm {
  const Reduce* reduce = nullptr;  // null for a map
  std::vector<int> own;            // positions of its axes behind the row axes
  std::vector<int> reduced;        // positions in reduce->axes
};
StageForm form_of(const Stage& stage, int row_axes);

struct Phase {
  Shape extents;            // of the loops; empty: once a row
  std::vector<int> stages;  // in order
};

// How phases after its own see a stage.
enum class Keep : uint8_t { kScalar, kOutput, kLocal, kLent, kAgain };

struct RowPlan {
  int row_axes = 0;
  Shape rows;  // extents of the row axes
  std::vector<StageForm> forms;
  std::vector<Phase> phases;
  std::vector<int> phase_of;  // by stage
  std::vector<Keep> keep;     // by stage
  std::vector<int> lender;    // by stage: kLent: the output that holds it
  // By stage: a reduction for each point, whose points step together; it has a
  // phase of its own.
  std::vector<bool> spread;

  // A reduction over the phase's domain, rather than one for each point.
  bool accumulates(int s) const {
    return forms[s].reduce != nullptr && forms[s].own.empty();
  }
};

// Bytes on the stack for what one row keeps between phases.
inline constexpr int64_t kMostLocalBytes = 64 * 1024;

// Whether reductions for points that lie side by side in memory may spread:
// they take an array of accumulators.
enum class Spread : uint8_t { kNo, kYes };

// Nothing where a value can be neither kept in so many bytes nor computed
// again.
std::optional<RowPlan> try_plan_rows(const Group& group, int row_axes,
                                     int64_t most_local_bytes,
                                     Spread spread = Spread::kNo);

// Requires: rows_fit(group, row_axes).
RowPlan plan_rows(const Group& group, int row_axes);

// Whether everything that must be kept between phases is of known, small size.
bool rows_fit(const Group& group, int row_axes);

}  // namespace lathe
