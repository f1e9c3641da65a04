#include "runtime/cpu_schedule.h"

#include <algorithm>

#include "spec/check.h"

namespace lathe {
namespace {

// Below this much work for a whole schedule, waking another thread takes
// longer than doing it alone.
constexpr int64_t kAloneNanoseconds = 40'000;
// A chunk should be long compared with taking it.
constexpr int64_t kChunkNanoseconds = 3'000;
// More chunks than threads, so that a late or slow thread takes fewer.
constexpr int64_t kChunksPerThread = 4;

}  // namespace

int64_t chunk_count(int64_t items, int64_t cost, int threads) {
  if (items <= 0) return 0;
  if (threads == 1) return 1;
  const int64_t worthwhile = std::max<int64_t>(1, cost / kChunkNanoseconds);
  return std::min({items, worthwhile, kChunksPerThread * threads});
}

CpuSchedule::CpuSchedule(CpuKernels& module, ThreadPool& pool,
                         std::vector<Launch> launches)
    : launches_(std::move(launches)),
      pool_(pool),
      region_(*this, static_cast<int>(launches_.size())) {
  size_t count = 0;
  for (const Launch& launch : launches_) count += launch.buffers.size();
  addresses_.resize(count);
  void** next = addresses_.data();
  for (const Launch& launch : launches_) {
    steps_.push_back({module.function(launch.kernel),
                      {next, launch.dims.data(), &fault_},
                      launch.items,
                      chunk_count(launch.items, launch.cost, pool.threads())});
    next += launch.buffers.size();
    if (launch.items > 0) cost_ += launch.cost;
  }
}

std::optional<LaunchFault> CpuSchedule::run(
    std::span<void* const> buffers, std::vector<int64_t>* nanoseconds) {
  void** next = addresses_.data();
  for (const Launch& launch : launches_) {
    for (int buffer : launch.buffers) *next++ = buffers[size_t(buffer)];
  }
  fault_ = {};
  faulty_step_ = -1;
  nanoseconds_ = nanoseconds;
  if (nanoseconds) nanoseconds->assign(launches_.size(), 0);
  last_close_ = std::chrono::steady_clock::now();
  region_.restart();
  if (cost_ < kAloneNanoseconds) {
    region_.participate();
  } else {
    pool_.run([this] { region_.participate(); });
  }
  if (faulty_step_ < 0) return std::nullopt;
  return LaunchFault{faulty_step_, first_fault()};
}

// With several wrong indices, which thread is first is chance. Once more, by
// one thread, finds the first in order: the same message every time. A step
// never writes to what it reads, so it may run again.
Fault CpuSchedule::first_fault() {
  const Step& step = steps_[size_t(faulty_step_)];
  fault_ = {};
  step.function(&step.args, 0, step.items);
  return fault_;
}

int64_t CpuSchedule::open(int step) { return steps_[size_t(step)].chunks; }

void CpuSchedule::run(int step, int64_t chunk) {
  const Step& s = steps_[size_t(step)];
  // Chunks differ by one item at most.
  const int64_t whole = s.items / s.chunks;
  const int64_t larger = s.items % s.chunks;
  const int64_t lo = chunk * whole + std::min(chunk, larger);
  const int64_t hi = lo + whole + (chunk < larger ? 1 : 0);
  s.function(&s.args, lo, hi);
}

bool CpuSchedule::close(int step) {
  if (nanoseconds_) {
    const auto now = std::chrono::steady_clock::now();
    (*nanoseconds_)[size_t(step)] =
        std::chrono::duration_cast<std::chrono::nanoseconds>(now - last_close_)
            .count();
    last_close_ = now;
  }
  if (fault_.site < 0) return true;
  faulty_step_ = step;
  return false;
}

}  // namespace lathe
