#include "runtime/thread_pool.h"

#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <optional>

#include "spec/check.h"

namespace lathe {

struct ThreadPool::Arena {
  explicit Arena(int threads) : arena(threads) {
    // TBB lends no more than one thread a core unless it is told to.
    if (threads > tbb::info::default_concurrency()) {
      more.emplace(tbb::global_control::max_allowed_parallelism,
                   static_cast<size_t>(threads));
    }
  }
  tbb::task_arena arena;
  std::optional<tbb::global_control> more;
};

ThreadPool::ThreadPool(int threads) : threads_(threads) {
  LATHE_CHECK(threads >= 1, threads, " threads");
  // An arena of one would still start TBB up; the caller is enough.
  if (threads > 1) arena_ = std::make_unique<Arena>(threads);
}

ThreadPool::~ThreadPool() = default;

void ThreadPool::run(const std::function<void()>& body) {
  if (!arena_) return body();
  arena_->arena.execute([&] {
    tbb::parallel_for(
        0, threads_, [&](int) { body(); }, tbb::simple_partitioner());
  });
}

void parallel_ranges(int64_t count, int64_t grain,
                     const std::function<void(int64_t, int64_t)>& body) {
  using Range = tbb::blocked_range<int64_t>;
  tbb::parallel_for(
      Range(0, count, static_cast<size_t>(grain)),
      [&](const Range& range) { body(range.begin(), range.end()); });
}

}  // namespace lathe
