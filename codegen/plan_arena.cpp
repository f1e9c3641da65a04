#include <algorithm>
#include <numeric>

#include "codegen/program.h"
#include "spec/check.h"
#include "spec/round_up.h"

namespace lathe {
namespace {

bool live_together(const Buffer& a, const Buffer& b) {
  return a.first <= b.last && b.first <= a.last;
}

struct Placed {
  int64_t begin, end;
};

// The lowest aligned gap of `bytes` between `taken`, which is sorted by begin
// and may overlap.
int64_t lowest_gap(const std::vector<Placed>& taken, int64_t bytes) {
  int64_t offset = 0;
  for (const Placed& block : taken) {
    if (block.begin - offset >= bytes) break;
    offset = std::max(offset, round_up(block.end, kBufferAlignment));
  }
  return offset;
}

}  // namespace

// Largest first, each at the lowest offset that no neighbour in time has: near
// the optimum for the few dozen shapes of a network.
ArenaPlan plan_arena(const Program& program,
                     const std::vector<int64_t>& sizes) {
  LATHE_CHECK(sizes.size() == program.buffers.size(), "one size a buffer");
  ArenaPlan plan;
  plan.offsets.assign(sizes.size(), -1);
  std::vector<size_t> order;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (program.buffers[i].role == BufferRole::kTemp) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return sizes[a] > sizes[b]; });
  for (size_t done = 0; done < order.size(); ++done) {
    const size_t buffer = order[done];
    std::vector<Placed> taken;
    for (size_t i = 0; i < done; ++i) {
      const size_t other = order[i];
      if (!live_together(program.buffers[buffer], program.buffers[other])) {
        continue;
      }
      taken.push_back({plan.offsets[other], plan.offsets[other] + sizes[other]});
    }
    std::sort(taken.begin(), taken.end(), [](const Placed& a, const Placed& b) {
      return a.begin < b.begin;
    });
    plan.offsets[buffer] = lowest_gap(taken, sizes[buffer]);
    plan.bytes = std::max(plan.bytes, plan.offsets[buffer] + sizes[buffer]);
  }
  return plan;
}

}  // namespace lathe
