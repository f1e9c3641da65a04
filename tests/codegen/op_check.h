#pragma once
// Compiles every sample of every op and compares with the reference.

#include <cstdint>
#include <string>

#include "codegen/target.h"
#include "tests/support/op_samples.h"
#include "tests/support/runner.h"

namespace lathe {

// One line for every sample that differs, on plain numbers and, with
// Specials::kYes, also on NaN, infinities and -0. `seed` is the emulator's, for
// GPUs.
std::string failures_of_ops(const std::string& target, uint64_t seed = 0,
                            Specials specials = Specials::kNo);

// The same on a runner of one's own, which makes what `target` describes.
std::string failures_of_ops(Runner& runner, const Target& target,
                            Specials specials = Specials::kNo);

}  // namespace lathe
