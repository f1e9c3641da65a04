#pragma once
// What the user typed, as a value: the verb, its target and its options.

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "runtime/inputs.h"
#include "spec/dim.h"

namespace lathe {

enum class ColorMode { kAuto, kAlways, kNever };

struct Command {
  std::string verb;
  std::vector<std::string> positionals;  // the target and what follows it
  bool help = false;

  // Everywhere.
  std::vector<Argument> params;  // -p
  std::string preset;
  std::string weights;
  std::string device = "auto";
  int threads = 0;        // 0: one for each core
  std::string cache_dir;  // empty: where the environment says
  bool json = false;
  ColorMode color = ColorMode::kAuto;
  bool quiet = false;
  int verbosity = 0;  // -v: 1, -vv: 2

  // Of single verbs; see the table of options.
  std::vector<Argument> inputs;      // -i
  std::vector<std::string> outputs;  // -o
  DimBindings dims;                  // -d
  bool summary = false;
  bool resolved = false;
  bool show_params = false;
  std::string stage = "graph";
  std::string format = "text";
  std::string reference;  // file of stored tensors
  std::string match;      // a spec
  bool fit = false;
  std::string format_to;  // that weights are quantised to
  std::vector<std::string> only, except;  // patterns of tensors
  bool force = false;     // replaces outputs
  std::string target = "cpu";  // that `compile` makes code for
  bool with_weights = false;   // packed into what `compile` writes
  double tolerance = 0;   // 0: by dtype and size of the reductions
  bool profile = false;
  bool generic = false;
};

// The command line is wrong; exit status 2.
class UsageError : public std::runtime_error {
 public:
  explicit UsageError(const std::string& message, std::string help = "")
      : std::runtime_error(message), help_(std::move(help)) {}
  // What to do instead; may be empty.
  const std::string& help() const { return help_; }

 private:
  std::string help_;
};

// A row of the table of options.
struct OptionRow {
  std::string_view names;  // "-p,--param"
  std::string_view value;  // "NAME=VALUE"; empty for a flag
  std::string_view doc;
  std::string_view verbs;  // "run compare"; empty: every verb
  // Stores one value (nothing for a flag). Throws UsageError.
  void (*set)(Command& command, const std::string& value);
};

// All options, those of every verb last.
const std::vector<OptionRow>& option_rows();

// True if the verb takes the option.
bool takes(std::string_view verb, const OptionRow& row);

// Reads the arguments behind the program's name. Throws UsageError.
Command parse_command(const std::vector<std::string>& arguments);

}  // namespace lathe
