#pragma once
// Compiles every sample of every op and compares with the reference.

#include <cstdint>
#include <string>

namespace lathe {

// One line for every sample that differs. `seed` is the emulator's, for GPUs.
std::string failures_of_ops(const std::string& target, uint64_t seed = 0);

}  // namespace lathe
