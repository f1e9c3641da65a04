#include "runtime/cli/progress_watch.h"

#include <utility>

namespace lathe {

ProgressWatch::ProgressWatch(Times times,
                             std::function<void(const Progress&)> show)
    : times_(times), show_(std::move(show)) {}

ProgressWatch::~ProgressWatch() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void ProgressWatch::update(const Progress& progress) {
  const std::lock_guard lock(mutex_);
  const bool begins = step_.what != progress.what;
  step_ = progress;
  if (!begins) return;
  shown_ = false;
  next_ = Clock::now() + times_.quiet;
  if (!thread_.joinable()) thread_ = std::thread([this] { watch(); });
  changed_.notify_one();
}

bool ProgressWatch::end() {
  const std::lock_guard lock(mutex_);
  step_.what.clear();
  return std::exchange(shown_, false);
}

void ProgressWatch::watch() {
  std::unique_lock lock(mutex_);
  while (!done_) {
    const bool waits = step_.what.empty() || next_ == Clock::time_point::max();
    if (waits) {
      changed_.wait(lock);
    } else if (Clock::now() < next_) {
      changed_.wait_until(lock, next_);
    } else {
      show_(step_);
      shown_ = true;
      next_ = times_.redraw == Time(0) ? Clock::time_point::max()
                                       : Clock::now() + times_.redraw;
    }
  }
}

}  // namespace lathe
