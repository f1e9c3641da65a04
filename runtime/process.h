#pragma once
// Starts a program without a shell, collects what it says, and ends it when
// it takes too long.

#include <string>
#include <vector>

namespace lathe {

struct ProcessResult {
  int exit_status = -1;     // -1 if it did not exit by itself
  int signal = 0;           // that ended it, or 0
  bool timed_out = false;   // ended by us
  std::string output;       // of stdout and stderr, the first mebibyte
  double seconds = 0;
};

// Runs argv[0], a path, and waits. Messages of the program are in English.
// Throws DeviceError L0601 if it cannot be started.
ProcessResult run_process(const std::vector<std::string>& argv,
                          int time_limit_seconds);

}  // namespace lathe
