#pragma once
// The contract between generated CPU kernels and the runtime. The same
// structs are spelled out in the text's prelude; a test keeps them equal.

#include <cstdint>

namespace lathe {

// Bumped whenever the layout below or the meaning of an argument changes; part
// of the cache key.
inline constexpr int kKernelAbiVersion = 1;

// First failed index check of a step; `site` numbers Step::faults, -1: none.
// Kernels set it with an atomic compare-exchange on `site`.
struct Fault {
  int64_t site = -1;
  int64_t value = 0;     // the index found
  int64_t extent = 0;    // the size of the axis
  int64_t position = 0;  // flat, among what the op computes
};

struct Args {
  void* const* buf;
  const int64_t* dim;
  Fault* fault;
};

// Runs work items [lo, hi).
using KernelFunction = void (*)(const Args*, int64_t lo, int64_t hi);

}  // namespace lathe
