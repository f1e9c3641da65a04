#include "runtime/arena_cache.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "codegen/program.h"
#include "spec/round_up.h"
#include "spec/text.h"

namespace lathe {
namespace {

// A server sees few classes; more than this, and the oldest shapes are not
// coming back.
constexpr size_t kMaxPlans = 64;
constexpr size_t kTableRows = 8;

}  // namespace

int64_t size_class(int64_t bytes) {
  if (bytes <= 8 * kBufferAlignment) {
    return round_up(bytes, kBufferAlignment);
  }
  const int octave = std::bit_width(static_cast<uint64_t>(bytes - 1)) - 1;
  const int64_t step = int64_t{1} << (octave - 3);
  // Beyond any memory; the allocation reports it.
  if (bytes > INT64_MAX - step) return bytes;
  return round_up(bytes, step);
}

const ArenaPlan& ArenaCache::plan(std::vector<int64_t> sizes) {
  for (int64_t& size : sizes) size = size_class(size);
  const auto found = plans_.find(sizes);
  if (found != plans_.end()) return found->second;
  if (plans_.size() >= kMaxPlans) plans_.clear();
  ++plans_made_;
  ArenaPlan made = plan_arena(program_, sizes);
  return plans_.emplace(std::move(sizes), std::move(made)).first->second;
}

std::string largest_buffers(const Program& program,
                            const std::vector<int64_t>& sizes) {
  std::vector<size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return sizes[a] > sizes[b]; });
  std::string table;
  for (size_t i = 0; i < order.size() && i < kTableRows; ++i) {
    const Buffer& buffer = program.buffers[order[i]];
    if (sizes[order[i]] == 0) break;
    table += cat({"\n  ", sizes[order[i]], " bytes  ", buffer.name, " ",
                  to_string(buffer.dtype), to_string(buffer.shape)});
  }
  return table;
}

}  // namespace lathe
