#include "runtime/cli/console.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "spec/check.h"

namespace lathe {
namespace {

// A step that takes longer is worth a line.
constexpr std::chrono::milliseconds kQuietTime{500};
constexpr std::chrono::milliseconds kRedrawTime{100};

Color color_of(ColorMode mode, int fd) {
  if (mode == ColorMode::kAuto) {
    return ::isatty(fd) != 0 ? Color::kYes : Color::kNo;
  }
  return mode == ColorMode::kAlways ? Color::kYes : Color::kNo;
}

}  // namespace

Console::Console(const Command& command)
    : quiet_(command.quiet),
      json_(command.json),
      verbosity_(command.verbosity),
      terminal_(::isatty(STDERR_FILENO) != 0),
      error_color_(color_of(command.color, STDERR_FILENO)),
      result_color_(color_of(command.color, STDOUT_FILENO)) {}

void Console::result(std::string_view text) {
  end_progress();
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) flush();
}

void Console::flush() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
  if (errno == EPIPE) throw OutputClosed{};
  throw DeviceError("L0512", cat({"cannot write to standard output: ",
                                  std::strerror(errno)}));
}

void Console::note(std::string_view text) {
  if (!quiet_) diagnostic(cat({"note: ", text, "\n"}));
}

void Console::warning(std::string_view text) {
  if (!quiet_) diagnostic(cat({"warning: ", text, "\n"}));
}

void Console::detail(int level, std::string_view text) {
  if (verbosity() >= level) diagnostic(cat({text, "\n"}));
}

void Console::diagnostic(std::string_view text) {
  end_progress();
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void Console::progress(const Progress& progress) {
  const Clock::time_point now = Clock::now();
  if (progress.what != step_) {
    end_progress();
    step_ = progress.what;
    step_begin_ = now;
    shown_ = {};
  }
  if (quiet_ || now - step_begin_ < kQuietTime) return;
  // A file gets one line a step, a terminal a line that changes.
  if (shown_ != Clock::time_point{} &&
      (!terminal_ || now - shown_ < kRedrawTime)) {
    return;
  }
  shown_ = now;
  std::string text = progress.what;
  if (terminal_ && progress.total > 0) {
    text += cat({" ", progress.done * 100 / progress.total, " %"});
  }
  std::string line =
      terminal_ ? cat({"\r\x1b[K", text, " ..."}) : cat({text, " ...\n"});
  std::fwrite(line.data(), 1, line.size(), stderr);
  line_open_ = terminal_;
}

void Console::end_progress() {
  step_.clear();
  if (!line_open_) return;
  std::fputs("\r\x1b[K", stderr);
  line_open_ = false;
}

Reporter Console::reporter() {
  Reporter out;
  out.on_message = [this](ReportKind kind, const std::string& text) {
    switch (kind) {
      case ReportKind::kWarning:
        warning(text);
        break;
      case ReportKind::kNote:
        note(text);
        break;
      case ReportKind::kDetail:
        detail(2, text);
        break;
    }
  };
  out.on_progress = [this](const Progress& step) { progress(step); };
  return out;
}

}  // namespace lathe
