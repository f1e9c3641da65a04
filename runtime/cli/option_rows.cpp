// The table of options.
#include <charconv>

#include "codegen/target.h"
#include "runtime/cli/command.h"
#include "runtime/quantize/weight_format.h"
#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

// `name=text`; `what` says in a message what was wanted.
Argument pair_of(const std::string& value, std::string_view option,
                 std::string_view what) {
  const size_t equals = value.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw UsageError(cat({"`", option, " ", value, "` is not ", what}));
  }
  return {value.substr(0, equals), value.substr(equals + 1)};
}

int64_t integer_of(const std::string& text, std::string_view option,
                   int64_t least) {
  int64_t out = 0;
  const char* last = text.data() + text.size();
  auto [end, error] = std::from_chars(text.data(), last, out);
  if (error != std::errc() || end != last || out < least) {
    throw UsageError(cat({"`", option, "` wants an integer of ", least,
                          " or more and gets ", backquoted(text)}));
  }
  return out;
}

void set_dim(Command& command, const std::string& value) {
  Argument pair = pair_of(value, "-d", "DIM=SIZE");
  const int64_t size = integer_of(pair.second, "-d " + pair.first, 0);
  if (!command.dims.emplace(pair.first, size).second) {
    throw UsageError(cat({"dim ", backquoted(pair.first), " is bound twice"}));
  }
}

void set_choice(std::string& member, const std::string& value,
                std::string_view option,
                const std::vector<std::string>& choices) {
  for (const std::string& choice : choices) {
    if (choice == value) {
      member = value;
      return;
    }
  }
  throw UsageError(cat({"`", option, "` is one of ", join(choices, ", "),
                        ", not ", backquoted(value)}),
                   did_you_mean(value, choices));
}

void set_color(Command& command, const std::string& value) {
  std::string chosen;
  set_choice(chosen, value, "--color", {"auto", "always", "never"});
  command.color = chosen == "auto"     ? ColorMode::kAuto
                  : chosen == "always" ? ColorMode::kAlways
                                       : ColorMode::kNever;
}

void set_device(Command& command, const std::string& value) {
  constexpr std::string_view kNumbered = "cuda:";
  if (value.starts_with(kNumbered) &&
      is_digits(std::string_view(value).substr(kNumbered.size()))) {
    command.device = value;
    return;
  }
  set_choice(command.device, value, "--device",
             {"auto", "cpu", "cuda", "cuda:N", "reference"});
}

void set_target(Command& command, const std::string& value) {
  std::vector<std::string> choices = gpu_target_names();
  choices.insert(choices.begin(), "cpu");
  set_choice(command.target, value, "--target", choices);
}

void set_format(Command& command, const std::string& value) {
  try {
    make_weight_format(value);
  } catch (const FormatError& error) {
    throw UsageError(cat({"`--to ", value, "`: ", error.what()}),
                     error.help());
  }
  command.format_to = value;
}

void set_tolerance(Command& command, const std::string& value) {
  char* end = nullptr;
  command.tolerance = std::strtod(value.c_str(), &end);
  if (value.empty() || *end != '\0' || !(command.tolerance > 0)) {
    throw UsageError(cat(
        {"`--tolerance` wants a number above 0 and gets ", backquoted(value)}));
  }
}

}  // namespace

const std::vector<OptionRow>& option_rows() {
  using C = Command;
  using S = const std::string;
  static const std::vector<OptionRow> rows = {
      {"-i,--input", "NAME=WHAT",
       "data for an input: a .npy, .safetensors[:tensor] or .json[:member] "
       "file, a list as '[[1, 2]]', random:SEED, zeros or ones",
       "run compare",
       [](C& c, S& v) { c.inputs.push_back(pair_of(v, "-i", "NAME=WHAT")); }},
      {"-o,--output", "[NAME=]FILE",
       "store the outputs, or one of them: .safetensors, .npy or .json", "run",
       [](C& c, S& v) { c.outputs.push_back(v); }},
      {"-d,--dim", "DIM=SIZE", "bind a symbolic dim",
       "run compare test inspect",
       set_dim},
      {"--profile", "", "time every step", "run",
       [](C& c, S&) { c.profile = true; }},
      {"--summary", "", "print the layers: type, output, params, bytes",
       "check", [](C& c, S&) { c.summary = true; }},
      {"--resolved", "", "print the spec as it was understood", "check",
       [](C& c, S&) { c.resolved = true; }},
      {"--params", "", "print the params, their values and where from", "check",
       [](C& c, S&) { c.show_params = true; }},
      {"--stage", "STAGE", "spec, graph (default) or fused", "graph",
       [](C& c, S& v) {
         set_choice(c.stage, v, "--stage", {"spec", "graph", "fused"});
       }},
      {"--format", "FORMAT", "text (default) or dot", "graph",
       [](C& c, S& v) {
         set_choice(c.format, v, "--format", {"text", "dot"});
       }},
      {"--reference", "FILE",
       "compare with the tensors of a .safetensors file instead of the "
       "reference engine",
       "compare", [](C& c, S& v) { c.reference = v; }},
      {"--tolerance", "NUMBER", "largest error that counts as equal", "compare",
       set_tolerance},
      {"--match", "SPEC", "show which weights of the spec the tensors fill",
       "inspect", [](C& c, S& v) { c.match = v; }},
      {"--fit", "",
       "say whether this machine has the memory to run it, as --match SPEC or "
       "the folder's config.json describe it",
       "inspect", [](C& c, S&) { c.fit = true; }},
      {"--to", "FORMAT", "how weights are stored; the formats are above",
       "quantize", set_format},
      {"-o,--output", "PATH", "the folder, .safetensors or .gguf file to write",
       "quantize", [](C& c, S& v) { c.outputs.push_back(v); }},
      {"--only", "PATTERN",
       "quantise the tensors of that name and no others; `*` is any text",
       "quantize", [](C& c, S& v) { c.only.push_back(v); }},
      {"--except", "PATTERN", "leave the tensors of that name as they are",
       "quantize", [](C& c, S& v) { c.except.push_back(v); }},
      {"--target", "NAME",
       "what to compile for: cpu (default), the CPU of this machine; or a GPU "
       "as sm_80, sm_86, sm_89, sm_90a, sm_100a or sm_120a",
       "compile", set_target},
      {"-o,--output", "PACK", "the folder to write", "compile",
       [](C& c, S& v) { c.outputs.push_back(v); }},
      {"--with-weights", "", "take the weights into the pack", "compile",
       [](C& c, S&) { c.with_weights = true; }},
      {"--force", "", "replace what is there", "quantize compile",
       [](C& c, S&) { c.force = true; }},
      {"--generic", "", "kernels from the generic loop nest only",
       "run compare kernels graph compile", [](C& c, S&) { c.generic = true; }},

      {"-p,--param", "NAME=VALUE", "set a param; NAME.FIELD sets one field", "",
       [](C& c, S& v) { c.params.push_back(pair_of(v, "-p", "NAME=VALUE")); }},
      {"--preset", "NAME", "take the params of a preset", "",
       [](C& c, S& v) { c.preset = v; }},
      {"--weights", "PATH", "a .safetensors file, an index or a folder", "",
       [](C& c, S& v) { c.weights = v; }},
      {"--device", "NAME", "auto (default), cpu, cuda, cuda:N or reference", "",
       set_device},
      {"--threads", "N", "threads to use; default: one for each core", "",
       [](C& c, S& v) {
         c.threads = static_cast<int>(
             std::min<int64_t>(integer_of(v, "--threads", 1), 4096));
       }},
      {"--cache-dir", "FOLDER", "where compiled kernels are kept", "",
       [](C& c, S& v) { c.cache_dir = v; }},
      {"--json", "", "print results as JSON", "",
       [](C& c, S&) { c.json = true; }},
      {"--color", "WHEN", "auto (default), always or never", "", set_color},
      {"-q,--quiet", "", "print errors and results only", "",
       [](C& c, S&) { c.quiet = true; }},
      {"-v,--verbose", "", "say more; -vv even more", "",
       [](C& c, S&) { ++c.verbosity; }},
      {"-h,--help", "", "print this", "", [](C& c, S&) { c.help = true; }},
  };
  return rows;
}

bool takes(std::string_view verb, const OptionRow& row) {
  if (row.verbs.empty()) return true;
  for (const std::string& name : split(row.verbs, ' ')) {
    if (name == verb) return true;
  }
  return false;
}

}  // namespace lathe
