#pragma once
// How the runtime talks while it works: to whoever started it, never to a
// stream. The command line decides what is shown (-q, -v, -vv).

#include <cstdint>
#include <functional>
#include <string>

namespace lathe {

enum class ReportKind : uint8_t {
  kWarning,  // something works, but not as asked
  kNote,     // something was done for the user, said once
  kDetail,   // why a kernel was compiled, how long it took (-vv)
};

// How far loading has come; `total` is 0 while it is not known.
struct Progress {
  std::string what;  // "packing weights"
  int64_t done = 0;
  int64_t total = 0;  // bytes
};

// Both may be empty. Called from one thread at a time.
struct Reporter {
  std::function<void(ReportKind, const std::string&)> on_message;
  std::function<void(const Progress&)> on_progress;

  void warning(const std::string& text) const {
    if (on_message) on_message(ReportKind::kWarning, text);
  }
  void note(const std::string& text) const {
    if (on_message) on_message(ReportKind::kNote, text);
  }
  void detail(const std::string& text) const {
    if (on_message) on_message(ReportKind::kDetail, text);
  }
  void progress(const Progress& progress) const {
    if (on_progress) on_progress(progress);
  }
};

}  // namespace lathe
