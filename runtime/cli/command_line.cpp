#include "runtime/cli/command_line.h"

#include <algorithm>
#include <csignal>
#include <new>

#include "runtime/cli/command.h"
#include "runtime/cli/console.h"
#include "runtime/cli/verbs.h"
#include "runtime/version.h"
#include "spec/check.h"
#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {
namespace {

// What each kind of end is reported as.
enum ExitStatus : int {
  kDone = 0,
  kSpecIsWrong = 1,
  kUsage = 2,
  kMachineCannot = 3,
  kBug = 4,
};

std::string json_lines(const std::vector<Diagnostic>& diagnostics) {
  std::string lines;
  for (const Diagnostic& diagnostic : diagnostics) {
    lines += to_json(diagnostic) + "\n";
  }
  return lines;
}

// Shows messages on stderr: for people, or as JSON.
void show(Console& console, const std::vector<Diagnostic>& diagnostics) {
  console.diagnostic(console.json()
                         ? json_lines(diagnostics)
                         : render(diagnostics, console.error_color()));
}

int report_usage(const UsageError& error, bool json) {
  Command command;
  command.json = json;
  Console console{command};
  if (json) {
    show(console, {{.code = "usage",
                    .message = error.what(),
                    .span = {},
                    .notes = {},
                    .help = error.help()}});
    return kUsage;
  }
  console.diagnostic(cat({"lathe: ", error.what(), "\n"}));
  if (!error.help().empty()) {
    console.diagnostic(cat({"  ", error.help(), "\n"}));
  }
  return kUsage;
}

int report_spec(Console& console, const SpecError& error) {
  show(console, error.diagnostics());
  return kSpecIsWrong;
}

int report_machine(Console& console, const std::string& code,
                   const std::string& message, const std::string& log) {
  Diagnostic diagnostic{.code = code, .message = message};
  if (!log.empty()) diagnostic.notes.push_back(log);
  show(console, {diagnostic});
  return kMachineCannot;
}

int report_bug(Console& console, const std::vector<std::string>& arguments,
               const std::string& what) {
  const std::string message =
      cat({"this is a bug in lathe ", program_version(), ": ", what});
  const std::string command = cat({"lathe ", join(arguments, " ")});
  if (console.json()) {
    show(console, {{.code = "bug", .message = message, .notes = {command}}});
    return kBug;
  }
  console.diagnostic(cat(
      {"lathe: ", message,
       "\n  Please report it with the spec, what `lathe doctor` prints, and "
       "this command:\n  ",
       command, "\n"}));
  return kBug;
}

int run(const Command& command, Console& console,
        const std::vector<std::string>& arguments) {
  try {
    const int status = find_verb(command.verb)->run(command, console);
    console.flush();
    return status;
  } catch (const OutputClosed&) {
    return kDone;
  } catch (const SpecError& error) {
    return report_spec(console, error);
  } catch (const UsageError& error) {
    return report_usage(error, command.json);
  } catch (const DeviceError& error) {
    return report_machine(console, error.code(), error.what(), error.log());
  } catch (const std::bad_alloc&) {
    return report_machine(console, "L0702", "memory is short", "");
  } catch (const std::exception& error) {
    return report_bug(console, arguments, error.what());
  }
}

int print(const std::string& text) {
  Console console{Command()};
  try {
    console.result(text);
    console.flush();
  } catch (const OutputClosed&) {
  } catch (const DeviceError& error) {
    return report_machine(console, error.code(), error.what(), "");
  }
  return kDone;
}

// `lathe help`, `lathe help VERB` and what people type for them.
bool asks_for_help(const std::vector<std::string>& arguments) {
  return !arguments.empty() && (arguments[0] == "--help" ||
                                arguments[0] == "-h" || arguments[0] == "help");
}

}  // namespace

int run_command_line(const std::vector<std::string>& arguments) {
  // A reader that went away is an error of write(), not the end of us.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    if (asks_for_help(arguments)) {
      if (arguments.size() == 1) return print(program_help());
      const Verb* verb = find_verb(arguments[1]);
      if (verb == nullptr) unknown_verb(arguments[1]);
      return print(verb_help(*verb));
    }
    if (!arguments.empty() && arguments[0] == "--version") {
      return print(cat({"lathe ", program_version(), "\n"}));
    }
    Command command = parse_command(arguments);
    if (command.help) return print(verb_help(*find_verb(command.verb)));
    Console console(command);
    return run(command, console, arguments);
  } catch (const UsageError& error) {
    const bool json = std::find(arguments.begin(), arguments.end(),
                                "--json") != arguments.end();
    return report_usage(error, json);
  }
}

}  // namespace lathe
