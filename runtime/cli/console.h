#pragma once
// Where the command line writes: results to stdout, everything else to
// stderr. Decides about colours, what -q and -v show, and when progress is
// worth a line.

#include <string>
#include <string_view>

#include "runtime/cli/command.h"
#include "runtime/cli/progress_watch.h"
#include "runtime/report.h"
#include "spec/diagnostic.h"

namespace lathe {

// Nobody reads our stdout any more (`lathe ops | head`): ends the program
// without a word.
struct OutputClosed {};

class Console {
 public:
  // How to talk until the command line is understood: by its text alone.
  explicit Console(const Command& command);

  // A part of the result. Throws OutputClosed.
  void result(std::string_view text);
  // Sends results on their way. Throws OutputClosed, DeviceError L0512.
  void flush();

  // "note: ...", unless -q.
  void note(std::string_view text);
  // "warning: ...", unless -q.
  void warning(std::string_view text);
  // With -v (level 1) or -vv (level 2).
  void detail(int level, std::string_view text);
  // Any text, as it is, on stderr.
  void diagnostic(std::string_view text);

  // Colours for what goes to stderr, and to stdout.
  Color error_color() const { return error_color_; }
  Color result_color() const { return result_color_; }
  bool json() const { return json_; }
  int verbosity() const { return quiet_ ? -1 : verbosity_; }

  // Talks through this console, which must outlive it.
  Reporter reporter();

 private:
  void say(std::string_view severity, std::string_view text,
           std::string_view shown);
  void show_progress(const Progress& progress) const;
  void end_progress();

  bool quiet_, json_;
  int verbosity_;
  bool terminal_;  // stderr is one, and people read it
  Color error_color_, result_color_;
  ProgressWatch watch_;
};

}  // namespace lathe
