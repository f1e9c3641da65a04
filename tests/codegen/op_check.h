#pragma once
// Compiles every sample of every op and compares with the reference.

#include <cstdint>
#include <string>

#include "tests/support/op_samples.h"

namespace lathe {

// One line for every sample that differs, on plain numbers and, with
// Specials::kYes, also on NaN, infinities and -0. `seed` is the emulator's, for
// GPUs.
std::string failures_of_ops(const std::string& target, uint64_t seed = 0,
                            Specials specials = Specials::kNo);

}  // namespace lathe
