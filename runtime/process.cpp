#include "runtime/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "runtime/options.h"
#include "runtime/stopwatch.h"
#include "spec/check.h"

namespace lathe {
namespace {

constexpr size_t kMaxOutput = size_t{1} << 20;

// A pipe that our other children do not inherit.
struct Pipe {
  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0) {
      throw DeviceError("L0601",
                        cat({"cannot make a pipe: ", std::strerror(errno)}));
    }
  }
  ~Pipe() {
    close(ends[0]);
    close_writer();
  }
  void close_writer() {
    if (ends[1] >= 0) close(ends[1]);
    ends[1] = -1;
  }
  int ends[2] = {-1, -1};
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// In a process group of its own, so that the programs it starts in turn (the
// compiler behind the driver) can be ended with it.
pid_t spawn(std::vector<std::string> argv, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, output, 2);
  posix_spawnattr_init(&attributes);
  // The command line ignores SIGPIPE, which a child would inherit.
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> environment = child_environment();
  pid_t child = -1;
  const int error =
      posix_spawn(&child, argv[0].c_str(), &actions, &attributes,
                  pointers(argv).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    throw DeviceError("L0601", cat({"cannot start `", argv[0],
                                    "`: ", std::strerror(error)}));
  }
  return child;
}

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - Clock::now());
  return static_cast<int>(left.count());
}

// Reads until all writers are gone. False: the deadline came first.
bool read_all(int fd, Clock::time_point deadline, std::string& output) {
  char block[4096];
  for (;;) {
    const int left = milliseconds_until(deadline);
    if (left <= 0) return false;
    pollfd waiting{fd, POLLIN, 0};
    const int ready = poll(&waiting, 1, left);
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) return false;
    const ssize_t count = read(fd, block, sizeof block);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return true;
    const size_t room = kMaxOutput - output.size();
    output.append(block, std::min(room, static_cast<size_t>(count)));
  }
}

// Waits for the end of a child that has nothing more to say. False: the
// deadline came first.
bool wait_until(pid_t child, Clock::time_point deadline, int& status) {
  for (;;) {
    const pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child) return true;
    if (ended < 0 && errno != EINTR) return true;
    if (milliseconds_until(deadline) <= 0) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

}  // namespace

ProcessResult run_process(const std::vector<std::string>& argv,
                          int time_limit_seconds) {
  const Clock::time_point start = Clock::now();
  const Clock::time_point deadline =
      start + std::chrono::seconds(time_limit_seconds);
  Pipe pipe;
  const pid_t child = spawn(argv, pipe.ends[1]);
  pipe.close_writer();
  ProcessResult result;
  int status = 0;
  if (!read_all(pipe.ends[0], deadline, result.output) ||
      !wait_until(child, deadline, status)) {
    result.timed_out = true;
    kill(-child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
  }
  if (WIFEXITED(status)) result.exit_status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  result.seconds = seconds_since(start);
  return result;
}

}  // namespace lathe
