#pragma once
// The threads that kernels run on: a oneTBB arena of our own, so that the
// number of threads is ours and not the process's. The only user of TBB.

#include <cstdint>
#include <functional>
#include <memory>

namespace lathe {

class ThreadPool {
 public:
  // Starts no thread yet. Requires: threads >= 1, the caller's included.
  explicit ThreadPool(int threads);
  ~ThreadPool();

  int threads() const { return threads_; }

  // Calls `body` once for each thread and returns when all calls have
  // returned. They may run at once or one after the other.
  void run(const std::function<void()>& body);

 private:
  struct Arena;
  int threads_;
  std::unique_ptr<Arena> arena_;
};

// Numbers of a task that fills an array, where each is little work.
inline constexpr int64_t kTaskNumbers = 1 << 16;

// Calls `body` on ranges [begin, end) that make up [0, count), on the threads
// of the process. A range has about `grain` items. For work outside kernels.
void parallel_ranges(
    int64_t count, int64_t grain,
    const std::function<void(int64_t begin, int64_t end)>& body);

}  // namespace lathe
