#pragma once
// The threads that kernels run on: a oneTBB arena of our own, so that the
// number of threads is ours and not the process's. The only user of TBB.

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

}  // namespace lathe
