#pragma once
// The most memory that this process has had at once, where it can be told.

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/support/sanitizer.h"

namespace lathe {

// A sanitizer keeps what is freed.
inline constexpr bool kPeakIsOurs = !kAddressSanitizer;

// In bytes; 0: unknown.
inline int64_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::atoll(line.c_str() + 6) * 1024;
  }
  return 0;
}

// Starts anew with what is there now; false where the system has no such thing.
inline bool reset_peak_memory() {
  std::ofstream out("/proc/self/clear_refs");
  out << "5" << std::flush;
  return out.good();
}

}  // namespace lathe
