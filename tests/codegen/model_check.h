#pragma once
// Compiles models given as YAML and compares them with the reference.

#include <string>
#include <vector>

#include "codegen/target.h"
#include "interpreter/evaluate.h"
#include "tests/support/runner.h"

namespace lathe {

// A model for one test: what stands below `lathe: 1` and `model:`, and the
// sizes of its symbols to run it with.
struct ModelCase {
  std::string name;
  std::string yaml;
  std::vector<DimBindings> sizes;
  // Kernels that must be among the program's, by strategy: "matmul attention".
  std::string strategies;
  int64_t terms = 64;  // numbers that are added up in a sum
  // Float8 has random codes, NaN and infinities among them.
  bool all_codes = false;
};

// One line for every output that differs, and for every strategy that is
// missing; inputs and weights hold random numbers. `seed` is the emulator's,
// for GPUs.
std::string failures_of(const std::vector<ModelCase>& cases,
                        const std::string& target = "avx2", uint64_t seed = 0);

// The same on a runner of one's own, which makes what `target` describes.
std::string failures_of(Runner& runner, const std::vector<ModelCase>& cases,
                        const Target& target);

// The same for the loops of the kernels, interpreted: `target` may be any.
std::string loop_failures_of(const std::vector<ModelCase>& cases,
                             const std::string& target);

// All bindings of the symbol to the sizes.
std::vector<DimBindings> sizes_of(const std::string& symbol,
                                  const std::vector<int64_t>& sizes);

}  // namespace lathe
