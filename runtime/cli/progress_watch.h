#pragma once
// Notices that a step takes long. Steps are announced by update(); what is
// shown comes from a thread of its own, so that it comes in time even if the
// step has nothing to say until it is done.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "runtime/report.h"

namespace lathe {

class ProgressWatch {
 public:
  using Time = std::chrono::milliseconds;
  struct Times {
    Time quiet;   // a step that is shorter is not shown
    Time redraw;  // between two times that a step is shown; 0: shown once
  };
  // `show` gets what was announced last; it is called on the watch's thread,
  // and never after end().
  ProgressWatch(Times times, std::function<void(const Progress&)> show);
  ~ProgressWatch();
  ProgressWatch(const ProgressWatch&) = delete;
  ProgressWatch& operator=(const ProgressWatch&) = delete;

  // How far the step `progress.what` has come; another name begins a step.
  void update(const Progress& progress);
  // No step goes on. True if the last one was shown.
  bool end();

 private:
  using Clock = std::chrono::steady_clock;

  void watch();

  const Times times_;
  const std::function<void(const Progress&)> show_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Progress step_;           // its name is empty between steps
  Clock::time_point next_;  // when it is shown, for the first time or again
  bool shown_ = false;
  bool done_ = false;
  std::thread thread_;  // from the first step on
};

}  // namespace lathe
