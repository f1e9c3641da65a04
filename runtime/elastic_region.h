#pragma once
// Runs a list of steps on however many threads turn up.
//
// A step is a number of chunks that may run in any order. Each participant
// walks the list: it takes chunks of the open step until none are left, then
// waits until the next one opens. Whoever finishes the last chunk of a step
// closes it and opens the next. Steps are chained by counting *chunks done*;
// nobody ever waits for a certain *thread*. So one participant alone can
// finish the whole list, and there is no deadlock when the scheduler lends
// fewer threads than were asked for, or lends them late.
//
// Waiting is short spinning, then yielding. Which thread runs a chunk has no
// influence on what the chunk computes, hence the same bits every time.

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

namespace lathe {

// Tells the core that this is a waiting loop.
inline void pause_core() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// `Work` gives the steps their meaning. None of these may throw:
//   int64_t open(int step)   called once, before the first chunk: how many
//                            chunks there are, 0 included. May look at what
//                            the steps before have computed.
//   void run(int step, int64_t chunk)
//   bool close(int step)     called once, after the last chunk; false ends
//                            the region, no later step opens.
template <typename Work>
class ElasticRegion {
 public:
  ElasticRegion(Work& work, int steps)
      : work_(work), steps_(steps), states_(new State[size_t(steps)]) {}

  // Makes the region ready to run from the first step. Requires: nobody
  // participates.
  void restart() {
    for (int i = 0; i < steps_; ++i) {
      states_[i].next.store(0, std::memory_order_relaxed);
      states_[i].done.store(0, std::memory_order_relaxed);
    }
    open_from(0);
  }

  // Helps until all steps are closed or one has ended the region. Any number
  // of threads may call this at once, at any time after restart().
  void participate() {
    for (int step = 0; (step = wait_for(step)) < steps_; ++step) {
      State& state = states_[step];
      int64_t mine = 0;
      for (;;) {
        const int64_t chunk =
            state.next.fetch_add(1, std::memory_order_relaxed);
        if (chunk >= state.chunks) break;
        work_.run(step, chunk);
        ++mine;
      }
      if (mine == 0) continue;
      // Release what these chunks wrote; the last finisher acquires it all.
      const int64_t before =
          state.done.fetch_add(mine, std::memory_order_acq_rel);
      if (before + mine == state.chunks) {
        open_from(work_.close(step) ? step + 1 : steps_);
      }
    }
  }

 private:
  // Counters stand on lines of their own: every participant writes `next`,
  // and pairs of lines are fetched together.
  struct State {
    alignas(128) std::atomic<int64_t> next{0};
    alignas(128) std::atomic<int64_t> done{0};
    int64_t chunks = 0;
  };

  // Opens the first step from `step` on that has chunks; the empty ones
  // before it are opened and closed on the way.
  void open_from(int step) {
    for (; step < steps_; ++step) {
      states_[step].chunks = work_.open(step);
      if (states_[step].chunks > 0) break;
      if (!work_.close(step)) step = steps_;
    }
    open_.store(step < steps_ ? step : steps_, std::memory_order_release);
  }

  // The open step, once it is not before `step`; `steps_` at the end.
  int wait_for(int step) const {
    constexpr int kSpins = 2000;
    for (int spin = 0;;) {
      const int open = open_.load(std::memory_order_acquire);
      if (open >= step) return open;
      if (++spin < kSpins) {
        pause_core();
      } else {
        std::this_thread::yield();
      }
    }
  }

  Work& work_;
  const int steps_;
  std::unique_ptr<State[]> states_;
  alignas(128) std::atomic<int> open_{0};
};

}  // namespace lathe
