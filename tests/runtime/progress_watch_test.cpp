#include "runtime/cli/progress_watch.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace lathe {
namespace {

using Time = ProgressWatch::Time;

// What a watch shows. Steps wait for a line rather than for a time, so that a
// busy machine makes no difference.
class Lines {
 public:
  void add(const Progress& step) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(step.what + " " + std::to_string(step.done));
    added_.notify_all();
  }
  std::string wait_for(size_t count) {
    std::unique_lock lock(mutex_);
    added_.wait(lock, [&] { return lines_.size() >= count; });
    return lines_.back();
  }
  size_t size() {
    const std::lock_guard lock(mutex_);
    return lines_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable added_;
  std::vector<std::string> lines_;
};

constexpr Time kNever = std::chrono::hours(1);
constexpr Time kOnce{0};

}  // namespace

TEST_CASE("progress: a step that takes long is shown, though it says nothing") {
  Lines lines;
  ProgressWatch watch({Time(5), kOnce},
                      [&](const Progress& step) { lines.add(step); });
  watch.update({"compiling", 0, 0});
  CHECK_EQ(lines.wait_for(1), "compiling 0");
  // Only once, whatever it says afterwards.
  watch.update({"compiling", 7, 9});
  std::this_thread::sleep_for(Time(30));
  CHECK_EQ(lines.size(), 1);
  CHECK(watch.end());
  CHECK_FALSE(watch.end());
  watch.update({"loading", 1, 9});
  CHECK_EQ(lines.wait_for(2), "loading 1");
  // The next step begins where this one ends.
  watch.update({"running", 0, 0});
  CHECK_EQ(lines.wait_for(3), "running 0");
}

TEST_CASE("progress: on a terminal the line is drawn again") {
  Lines lines;
  ProgressWatch watch({Time(1), Time(1)},
                      [&](const Progress& step) { lines.add(step); });
  watch.update({"loading", 1, 9});
  lines.wait_for(2);
  watch.update({"loading", 5, 9});
  const size_t shown = lines.size();
  CHECK_EQ(lines.wait_for(shown + 2), "loading 5");
}

TEST_CASE("progress: short steps are not shown") {
  Lines lines;
  {
    ProgressWatch watch({kNever, kOnce},
                        [&](const Progress& step) { lines.add(step); });
    for (int i = 0; i < 100; ++i) watch.update({"loading", i, 100});
    CHECK_FALSE(watch.end());
    watch.update({"running", 0, 0});
  }
  // One that ends in time is not shown later.
  ProgressWatch watch({Time(20), kOnce},
                      [&](const Progress& step) { lines.add(step); });
  watch.update({"loading", 0, 0});
  const bool shown = watch.end();
  std::this_thread::sleep_for(Time(40));
  CHECK_EQ(lines.size(), shown ? 1 : 0);
}

}  // namespace lathe
