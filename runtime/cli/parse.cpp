// Arguments to Command, with CLI11 under our own words.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <deque>

#include "runtime/cli/command.h"
#include "runtime/cli/verbs.h"
#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

// A row with the values that were given for it.
struct Given {
  const OptionRow* row;
  std::vector<std::string> values;
  int flags = 0;
};

std::vector<std::string> long_names(std::string_view verb) {
  std::vector<std::string> out;
  for (const OptionRow& row : option_rows()) {
    if (!takes(verb, row)) continue;
    for (std::string& name : split(row.names, ',')) {
      if (name.size() > 2) out.push_back(std::move(name));
    }
  }
  return out;
}

[[noreturn]] void unknown_option(std::string_view verb, std::string text) {
  text = text.substr(0, text.find('='));
  for (const OptionRow& row : option_rows()) {
    for (const std::string& name : split(row.names, ',')) {
      if (name != text) continue;
      throw UsageError(cat({"`", verb, "` has no option `", text, "`"}),
                       cat({"it belongs to ", row.verbs}));
    }
  }
  std::string help = did_you_mean(text, long_names(verb));
  if (help.empty()) help = cat({"`lathe ", verb, " --help` lists them"});
  throw UsageError(cat({"there is no option ", backquoted(text)}), help);
}

// CLI11 says "--dim: 1 required TEXT missing" for an option at the end.
[[noreturn]] void missing_value(const std::string& what) {
  const std::string name = what.substr(0, what.find(':'));
  for (const OptionRow& row : option_rows()) {
    for (const std::string& known : split(row.names, ',')) {
      if (known != name) continue;
      throw UsageError(
          cat({"`", name, "` needs a value: ", name, " ", row.value}));
    }
  }
  throw UsageError(what);
}

void register_rows(CLI::App& app, const std::string& verb,
                   std::deque<Given>& given) {
  for (const OptionRow& row : option_rows()) {
    if (!takes(verb, row)) continue;
    Given& entry = given.emplace_back(Given{&row, {}});
    if (row.value.empty()) {
      app.add_flag(std::string(row.names), entry.flags);
    } else {
      app.add_option(std::string(row.names), entry.values)
          ->allow_extra_args(false)
          ->take_all();
    }
  }
}

void parse_options(Command& command, std::vector<std::string> arguments) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::deque<Given> given;
  register_rows(app, command.verb, given);
  app.add_option("TARGET", command.positionals);
  // CLI11 takes the arguments from the end.
  std::reverse(arguments.begin(), arguments.end());
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ArgumentMismatch& error) {
    missing_value(error.what());
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  for (const std::string& extra : app.remaining()) {
    unknown_option(command.verb, extra);
  }
  for (const Given& entry : given) {
    for (const std::string& value : entry.values) {
      entry.row->set(command, value);
    }
    for (int i = 0; i < entry.flags; ++i) entry.row->set(command, "");
  }
}

void check_positionals(const Command& command, const Verb& verb) {
  const auto count = static_cast<int>(command.positionals.size());
  if (count < verb.least) {
    throw UsageError(cat({"`lathe ", verb.name, "` needs ", verb.operands}),
                     cat({"`lathe ", verb.name, " --help`"}));
  }
  if (count > verb.most) {
    throw UsageError(
        cat({"`lathe ", verb.name, "` does not know what to do with ",
             backquoted(command.positionals[static_cast<size_t>(verb.most)])}),
        cat({"usage: lathe ", verb.name, " ", verb.operands, " [options]"}));
  }
}

}  // namespace

Command parse_command(const std::vector<std::string>& arguments) {
  Command command;
  if (arguments.empty()) {
    throw UsageError("a verb is missing", "`lathe --help` lists them");
  }
  command.verb = arguments.front();
  const Verb* verb = find_verb(command.verb);
  if (verb == nullptr) unknown_verb(command.verb);
  parse_options(command, {arguments.begin() + 1, arguments.end()});
  if (!command.help) check_positionals(command, *verb);
  return command;
}

}  // namespace lathe
