#pragma once
// The verbs: one row and one source file each.

#include <string>
#include <string_view>
#include <vector>

#include "runtime/cli/command.h"
#include "runtime/cli/console.h"

namespace lathe {

struct Verb {
  std::string_view name;
  std::string_view operands;  // "TARGET", as help shows it
  int least, most;            // how many of them
  std::string_view summary;   // one line
  std::string_view details;   // the paragraphs of its help
  // Exit status 0 or 1; everything else is thrown.
  int (*run)(const Command& command, Console& console);
};

// All verbs in the order of help.
const std::vector<Verb>& verbs();

// The verb, or null.
const Verb* find_verb(std::string_view name);

// Throws UsageError: nearest verb, or that a later version has it.
[[noreturn]] void unknown_verb(const std::string& name);

// `lathe --help` and `lathe VERB --help`.
std::string program_help();
std::string verb_help(const Verb& verb);

int run_verb(const Command& command, Console& console);
int check_verb(const Command& command, Console& console);
int explain_verb(const Command& command, Console& console);
int layers_verb(const Command& command, Console& console);
int ops_verb(const Command& command, Console& console);
int graph_verb(const Command& command, Console& console);
int kernels_verb(const Command& command, Console& console);
int compile_verb(const Command& command, Console& console);
int compare_verb(const Command& command, Console& console);
int inspect_verb(const Command& command, Console& console);
int quantize_verb(const Command& command, Console& console);
int test_verb(const Command& command, Console& console);
int cache_verb(const Command& command, Console& console);
int doctor_verb(const Command& command, Console& console);

}  // namespace lathe
