#include "runtime/memory_need.h"

#include <algorithm>

#include "runtime/arena_cache.h"
#include "runtime/weight_uses.h"
#include "spec/diagnostic.h"

namespace lathe {
namespace {

int64_t bytes_with(const Buffer& buffer, const DimBindings& dims) {
  try {
    return bytes_of(buffer.dtype, numel(buffer.shape).eval(dims));
  } catch (const DimError&) {
    fail("L0410", {},
         cat({"`", buffer.name, "`, ", to_string(buffer.dtype),
              to_string(buffer.shape), ", takes more than 2^63 bytes"}));
  }
}

// Goes through the load steps as loading does.
void reckon_weights(const Program& program, MemoryNeed& need) {
  const WeightUses uses = find_weight_uses(program);
  std::vector<bool> there(program.buffers.size(), false);
  int64_t live = 0;
  const auto provide = [&](size_t i) {
    if (there[i]) return;
    there[i] = true;
    const int64_t bytes = weight_bytes(program.buffers[i]);
    live += bytes;
    if (program.buffers[i].role == BufferRole::kWeight) need.stored += bytes;
    need.loading = std::max(need.loading, live);
  };
  for (size_t step = 0; step < program.load_steps.size(); ++step) {
    for (int buffer : program.load_steps[step].buffers) {
      provide(static_cast<size_t>(buffer));
    }
    for (int buffer : program.load_steps[step].buffers) {
      const auto i = static_cast<size_t>(buffer);
      const bool last = uses.last_load_step[i] == static_cast<int>(step);
      if (!last || uses.kept[i] || !there[i]) continue;
      there[i] = false;
      live -= weight_bytes(program.buffers[i]);
    }
  }
  for (size_t i = 0; i < uses.kept.size(); ++i) {
    if (uses.kept[i]) provide(i);
  }
  need.weights = live;
}

}  // namespace

int64_t MemoryNeed::peak() const {
  return std::max(loading, weights + temporaries + ports);
}

MemoryNeed memory_need(const Program& program, const DimBindings& given) {
  const DimBindings dims = without_library(program, given);
  MemoryNeed need;
  reckon_weights(program, need);
  std::vector<int64_t> sizes(program.buffers.size());
  for (size_t i = 0; i < sizes.size(); ++i) {
    const Buffer& buffer = program.buffers[i];
    if (buffer.role == BufferRole::kTemp) {
      sizes[i] = bytes_with(buffer, dims);
    } else if (buffer.role == BufferRole::kInput ||
               buffer.role == BufferRole::kOutput) {
      need.ports += bytes_with(buffer, dims);
    }
  }
  ArenaCache cache(program);
  need.temporaries = cache.plan(std::move(sizes)).bytes;
  return need;
}

}  // namespace lathe
