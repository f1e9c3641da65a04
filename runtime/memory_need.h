#pragma once
// What a program takes of a device's memory, reckoned without loading it.

#include <cstdint>

#include "codegen/program.h"
#include "interpreter/tensor.h"

namespace lathe {

// Bytes.
struct MemoryNeed {
  int64_t stored = 0;       // all tensors that are read from the checkpoint
  int64_t weights = 0;      // what stays: packed, or as stored
  int64_t loading = 0;      // most that weights take while they are loaded
  int64_t temporaries = 0;  // the arena of a run
  int64_t ports = 0;        // inputs and outputs

  // What must be free.
  int64_t peak() const;
};

// Throws SpecError L0410 for sizes beyond 2^63 bytes. Requires: `dims` binds
// all symbols of the program.
MemoryNeed memory_need(const Program& program, const DimBindings& dims);

}  // namespace lathe
