#include "runtime/cli/console.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "runtime/json.h"
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

std::string json_line(std::string_view severity, std::string_view text) {
  return cat({"{\"severity\": \"", severity, "\", \"message\": ",
              json_string(text), "}\n"});
}

void write_error(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace

Console::Console(const Command& command)
    : quiet_(command.quiet),
      json_(command.json),
      verbosity_(command.verbosity),
      terminal_(::isatty(STDERR_FILENO) != 0 && !json_),
      error_color_(color_of(command.color, STDERR_FILENO)),
      result_color_(color_of(command.color, STDOUT_FILENO)),
      // A file gets one line a step, a terminal a line that changes.
      watch_({kQuietTime, terminal_ ? kRedrawTime : ProgressWatch::Time(0)},
             [this](const Progress& step) { show_progress(step); }) {}

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

// A line that says something of the given severity; `shown` is the text for
// people.
void Console::say(std::string_view severity, std::string_view text,
                  std::string_view shown) {
  diagnostic(json_ ? json_line(severity, text) : cat({shown, "\n"}));
}

void Console::note(std::string_view text) {
  if (!quiet_) say("note", text, cat({"note: ", text}));
}

void Console::warning(std::string_view text) {
  if (!quiet_) say("warning", text, cat({"warning: ", text}));
}

void Console::detail(int level, std::string_view text) {
  if (verbosity() >= level) say("detail", text, text);
}

void Console::diagnostic(std::string_view text) {
  end_progress();
  write_error(text);
}

void Console::show_progress(const Progress& step) const {
  if (json_) return write_error(json_line("progress", step.what));
  if (!terminal_) return write_error(cat({step.what, " ...\n"}));
  std::string text = step.what;
  if (step.total > 0) text += cat({" ", step.done * 100 / step.total, " %"});
  write_error(cat({"\r\x1b[K", text, " ..."}));
}

void Console::end_progress() {
  if (watch_.end() && terminal_) write_error("\r\x1b[K");
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
  out.on_progress = [this](const Progress& step) {
    if (!quiet_) watch_.update(step);
  };
  return out;
}

}  // namespace lathe
