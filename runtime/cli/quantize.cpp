// `lathe quantize`: a checkpoint in a lower precision.
#include <csignal>

#include "runtime/cli/table.h"
#include "runtime/cli/verbs.h"
#include "runtime/json.h"
#include "runtime/quantize/quantize.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Set by the user's Ctrl-C; looked at between tensors, so that what was begun
// is removed before the program ends.
volatile std::sig_atomic_t interrupted_by = 0;

void remember_signal(int signal) { interrupted_by = signal; }

struct Interrupted {};

// Signals are remembered for as long as it lives.
class SignalGuard {
 public:
  SignalGuard() {
    for (size_t i = 0; i < std::size(kSignals); ++i) {
      before_[i] = std::signal(kSignals[i], remember_signal);
    }
  }
  ~SignalGuard() {
    for (size_t i = 0; i < std::size(kSignals); ++i) {
      std::signal(kSignals[i], before_[i]);
    }
  }
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
  void (*before_[std::size(kSignals)])(int);
};

QuantizeResult quantize_interruptibly(const QuantizeRequest& request,
                                      Console& console) {
  const SignalGuard guard;
  Reporter reporter = console.reporter();
  const auto show = reporter.on_progress;
  reporter.on_progress = [&](const Progress& progress) {
    if (interrupted_by != 0) throw Interrupted{};
    if (show) show(progress);
  };
  return quantize_checkpoint(request, reporter);
}

}  // namespace

int quantize_verb(const Command& command, Console& console) {
  QuantizeRequest request;
  request.source = command.positionals[0];
  request.format = command.format_to;
  request.only = command.only;
  request.except = command.except;
  request.force = command.force;
  if (request.format.empty()) {
    throw UsageError("`lathe quantize` needs `--to FORMAT`",
                     "`lathe quantize --help` lists the formats");
  }
  if (command.outputs.size() != 1) {
    throw UsageError("`lathe quantize` needs one `-o PATH`");
  }
  request.output = command.outputs[0];
  QuantizeResult result;
  try {
    result = quantize_interruptibly(request, console);
  } catch (const Interrupted&) {
    // Ends as it would have ended without us.
    std::raise(interrupted_by);
    return 1;
  }
  if (console.json()) {
    JsonValue out = JsonValue::object();
    out.add("output", JsonValue::of(request.output));
    out.add("quantized", JsonValue::of(result.quantized));
    out.add("copied", JsonValue::of(result.copied));
    out.add("bytes_before", JsonValue::of(result.bytes_before));
    out.add("bytes_after", JsonValue::of(result.bytes_after));
    console.result(to_json(out));
    return 0;
  }
  console.result(cat({request.output, ": ", result.quantized,
                      result.quantized == 1 ? " tensor" : " tensors", " in ",
                      request.format, ", ", result.copied, " as they were, ",
                      bytes_text(result.bytes_before), " become ",
                      bytes_text(result.bytes_after), "\n"}));
  return 0;
}

}  // namespace lathe
