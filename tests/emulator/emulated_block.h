#pragma once
// One block of CUDA threads, each a fiber; see emulator.h.

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/emulator/async_units.h"
#include "tests/emulator/emulator.h"
#include "tests/emulator/fiber.h"

namespace lathe {
namespace emulated {

inline constexpr unsigned kWarp = 32;
inline constexpr size_t kSlotBytes = 64;
// Of shared memory.
inline constexpr size_t kAlignment = 1024;

enum class State : uint8_t { kReady, kAtWarp, kAtBlock, kAtPhase, kDone };

struct Move {
  void* to;
  const void* from;
  unsigned bytes;
};

struct Thread {
  FiberPlace place;
  // Moves under way: those not yet in a group, and the groups.
  std::vector<Move> moves;
  std::deque<std::vector<Move>> groups;
  State state = State::kReady;
  int line = 0;         // of the barrier it waits at
  unsigned parity = 0;  // which slots its next exchange uses
  bool waited = false;  // for the kernel before
};

struct Warp {
  unsigned live = 0, arrived = 0;
  // Two sets: a fast lane may be at the next exchange already.
  unsigned char slots[2][kWarp][kSlotBytes];
};

// The body of every fiber: runs the thread of the block that is being run.
void thread_main();

// One block being run.
class EmulatedBlock {
 public:
  EmulatedBlock(const EmulatedLaunch& launch,
                const std::function<void()>& kernel)
      : launch_(launch),
        kernel_(kernel),
        stacks_(launch.threads),
        threads_(launch.threads),
        warps_((launch.threads + kWarp - 1) / kWarp),
        order_(launch.threads),
        shared_(launch.shared_bytes + 2 * kAlignment) {}

  std::string run(unsigned index) {
    index_ = index;
    random_.seed(launch_.seed * 1000003 + index);
    start();
    go_on();
    if (error_.empty() && live_ > 0) error_ = "deadlock: " + who_waits();
    if (error_.empty() && units_.unfinished()) error_ = units_.unfinished();
    if (error_.empty()) return "";
    return "block " + std::to_string(index) + ": " + error_;
  }

  unsigned index() const { return index_; }
  unsigned current() const { return current_; }
  const EmulatedLaunch& launch() const { return launch_; }
  unsigned char* shared() {
    auto first = reinterpret_cast<uintptr_t>(shared_.data());
    return shared_.data() +
           (kAlignment - 1 - (first + kAlignment - 1) % kAlignment);
  }

  void wait_for_warp(int line) {
    Warp& warp = warps_[current_ / kWarp];
    Thread& me = wait(State::kAtWarp, line);
    if (++warp.arrived == warp.live) {
      release_warp(current_ / kWarp);
    } else {
      leave(me);
    }
  }

  void wait_for_block(int line) {
    Thread& me = wait(State::kAtBlock, line);
    if (++arrived_ == live_) {
      release_block();
    } else {
      leave(me);
    }
  }

  void exchange(const void* mine, void* theirs, unsigned bytes, unsigned from,
                int line) {
    if (bytes > kSlotBytes) fail("a value is too large to exchange", line);
    Warp& warp = warps_[current_ / kWarp];
    auto& slots = warp.slots[threads_[current_].parity ^= 1];
    std::memcpy(slots[current_ % kWarp], mine, bytes);
    wait_for_warp(line);
    std::memcpy(theirs, slots[from], bytes);
  }

  void gather(const void* mine, void* all, unsigned bytes, int line) {
    if (bytes > kSlotBytes) fail("a value is too large to exchange", line);
    Warp& warp = warps_[current_ / kWarp];
    auto& slots = warp.slots[threads_[current_].parity ^= 1];
    std::memcpy(slots[current_ % kWarp], mine, bytes);
    wait_for_warp(line);
    for (unsigned lane = 0; lane < kWarp; ++lane) {
      std::memcpy(static_cast<unsigned char*>(all) + lane * bytes,
                  slots[lane], bytes);
    }
  }

  void after_predecessor() { threads_[current_].waited = true; }
  void begin_move(const Move& move, int line) {
    auto* to = static_cast<unsigned char*>(move.to);
    if (to < shared() || to + move.bytes > shared() + launch_.shared_bytes) {
      fail("a move beside the thread does not end in shared memory", line);
    }
    std::memset(to, 0xff, move.bytes);
    threads_[current_].moves.push_back(move);
  }
  void group_moves() {
    Thread& me = threads_[current_];
    me.groups.push_back(std::move(me.moves));
    me.moves.clear();
  }
  void await_moves(unsigned left) {
    auto& groups = threads_[current_].groups;
    for (; groups.size() > left; groups.pop_front()) {
      for (const Move& move : groups.front()) {
        std::memcpy(move.to, move.from, move.bytes);
      }
    }
  }

  AsyncUnits& units() { return units_; }
  // Fails unless nothing is wrong.
  void check(const char* wrong, int line) {
    if (wrong) fail(wrong, line);
  }
  void arrive(const void* barrier, unsigned bytes, int line) {
    check(units_.arrive(barrier, bytes), line);
    wake();
    // What comes behind an arrival may come much later.
    if (at_random() && random_() % 2 == 0) leave(threads_[current_]);
  }
  void await_phase(const void* barrier, unsigned parity, int line) {
    for (;;) {
      bool complete = false;
      check(units_.is_complete(barrier, parity, complete), line);
      if (complete) return;
      leave(wait(State::kAtPhase, line));
    }
  }

  [[noreturn]] void fail(const char* text, int line) {
    complain(text, line);
    give_up();
  }

  void complain(const std::string& text, int line) {
    error_ = "thread " + std::to_string(current_) + ": " + text +
             ", at line " + std::to_string(line);
  }
  // Nothing on the fiber's stack is destroyed any more.
  [[noreturn]] void give_up() {
    switch_fiber(threads_[current_].place, host_);
    std::abort();
  }

  // The body of a fiber.
  [[noreturn]] void run_thread() {
    kernel_();
    Thread& me = threads_[current_];
    if (launch_.must_wait && !me.waited) {
      fail("it did not wait for the kernel before", 0);
    }
    check(units_.unfinished(current_), 0);
    me.state = State::kDone;
    Warp& warp = warps_[current_ / kWarp];
    --warp.live;
    --live_;
    // Those that wait no longer wait for this one.
    if (warp.live > 0 && warp.arrived == warp.live) {
      release_warp(current_ / kWarp);
    }
    if (live_ > 0 && arrived_ == live_) release_block();
    leave(me);
    std::abort();
  }

 private:
  void start() {
    live_ = launch_.threads;
    arrived_ = 0;
    error_.clear();
    // Poison: what nobody has written is no number.
    std::fill(shared_.begin(), shared_.end(), 0xff);
    for (Warp& warp : warps_) warp.live = warp.arrived = 0;
    for (unsigned t = 0; t < launch_.threads; ++t) {
      threads_[t] = Thread();
      prepare_fiber(threads_[t].place, stacks_.of(t), Stacks::kBytes,
                    thread_main);
      ++warps_[t / kWarp].live;
      order_[t] = launch_.seed == 1 ? launch_.threads - 1 - t : t;
    }
    units_.start({shared(), launch_.shared_bytes}, launch_.threads);
    if (at_random()) std::shuffle(order_.begin(), order_.end(), random_);
    next_ = 0;
  }

  bool at_random() const { return launch_.seed > 1; }

  // From the host: runs fibers until all are done or wait.
  void go_on() {
    if (!choose()) return;
    switch_fiber(host_, threads_[current_].place);
  }

  Thread& wait(State state, int line) {
    Thread& me = threads_[current_];
    me.state = state;
    me.line = line;
    return me;
  }

  // From a fiber that cannot go on: to one that can, or to the host.
  void leave(Thread& me) {
    const bool found = choose();
    Thread& other = threads_[current_];
    if (found && &other == &me) return;
    switch_fiber(me.place, found ? other.place : host_);
  }

  // Picks who runs; false if nobody can.
  bool choose() {
    if (at_random() && patience_-- == 0) {
      lagging_ = static_cast<unsigned>(random_() % (warps_.size() + 1));
      patience_ = static_cast<unsigned>(random_() % (16 * order_.size()));
    }
    if (at_random() && units_.under_way() > 0 && random_() % 4 == 0) land();
    while (!choose_ready()) {
      if (live_ == 0 || units_.under_way() == 0) return false;
      land();
    }
    return true;
  }

  bool choose_ready() {
    for (const bool any : {!at_random(), true}) {
      for (size_t i = 0; i < order_.size(); ++i) {
        const unsigned t = order_[next_];
        next_ = next_ + 1 == order_.size() ? 0 : next_ + 1;
        if (threads_[t].state != State::kReady) continue;
        if (!any && t / kWarp == lagging_) continue;
        current_ = t;
        return true;
      }
    }
    return false;
  }

  // One of the copies under way ends.
  void land() {
    const size_t last = units_.under_way() - 1;
    units_.land(at_random() ? random_() % (last + 1)
                            : last * size_t{launch_.seed});
    wake();
  }
  // Those that wait for a phase look again.
  void wake() {
    for (Thread& thread : threads_) {
      if (thread.state == State::kAtPhase) thread.state = State::kReady;
    }
  }

  void release_warp(unsigned warp) {
    const unsigned end = std::min((warp + 1) * kWarp, launch_.threads);
    same_line(warp * kWarp, end, State::kAtWarp);
    warps_[warp].arrived = 0;
  }
  void release_block() {
    same_line(0, launch_.threads, State::kAtBlock);
    arrived_ = 0;
  }
  // Lets those go on that wait; all of them must be at one barrier.
  void same_line(unsigned begin, unsigned end, State state) {
    int line = -1;
    for (unsigned t = begin; t < end; ++t) {
      Thread& thread = threads_[t];
      if (thread.state != state) continue;
      if (line >= 0 && line != thread.line && error_.empty()) {
        complain("threads meet at different barriers, at line " +
                     std::to_string(line) + " and",
                 thread.line);
        give_up();
      }
      line = thread.line;
      thread.state = State::kReady;
    }
  }

  std::string who_waits() const {
    for (unsigned t = 0; t < launch_.threads; ++t) {
      const Thread& thread = threads_[t];
      if (thread.state == State::kDone) continue;
      const char* what = thread.state == State::kAtWarp    ? "its warp"
                         : thread.state == State::kAtBlock ? "its block"
                                                           : "a phase";
      return "thread " + std::to_string(t) + " waits for " + what +
             " at line " + std::to_string(thread.line);
    }
    return "";
  }

  const EmulatedLaunch launch_;
  const std::function<void()>& kernel_;
  Stacks stacks_;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<unsigned> order_;
  std::vector<unsigned char> shared_;
  AsyncUnits units_;
  FiberPlace host_;
  std::string error_;
  std::mt19937_64 random_;
  unsigned index_ = 0, current_ = 0, live_ = 0, arrived_ = 0;
  unsigned lagging_ = 0, patience_ = 0;
  size_t next_ = 0;
};

}  // namespace emulated
}  // namespace lathe
