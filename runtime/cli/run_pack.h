#pragma once
// `lathe run` of a pack, and what it has in common with a run of a spec.

#include <vector>

#include "runtime/cli/command.h"
#include "runtime/cli/console.h"
#include "runtime/executable.h"
#include "runtime/outputs.h"

namespace lathe {

// Runs the pack that the command's first positional names.
int run_pack(const Command& command, Console& console);

// Stores and prints what a run gave.
void finish_run(const Command& command, Console& console,
                const std::vector<OutputFile>& plan,
                const std::vector<NamedTensor>& outputs,
                const Executable& model);

}  // namespace lathe
