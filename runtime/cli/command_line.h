#pragma once
// The program behind main(): arguments in, exit status out.

#include <string>
#include <vector>

namespace lathe {

// Runs `lathe ARGUMENTS...`. Never throws.
int run_command_line(const std::vector<std::string>& arguments);

}  // namespace lathe
