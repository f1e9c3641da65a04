#pragma once
// Seconds that something takes, for reports.

#include <chrono>

namespace lathe {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace lathe
