#pragma once
// What this machine is: the facts that choose a Target, that belong into a
// cache key, and that `doctor` prints.

#include <cstdint>
#include <string>

#include "codegen/target.h"

namespace lathe {

struct Machine {
  std::string cpu;       // "AMD EPYC 7763", or empty where it is not said
  std::string features;  // "avx2 fma f16c": what kernels may use
  // Identity of the CPU for cache keys: `-march=native` and tuning follow it.
  std::string identity;
  int cores = 1;         // that this process may use
  int64_t l1_bytes = 32 * 1024;
  int64_t l2_bytes = 512 * 1024;
  int64_t l3_bytes = 0;
  int64_t memory_bytes = 0;
  bool huge_pages = false;  // on request at least
  std::string target;       // preset to generate code for
};

// Asks CPU and kernel; takes well under a millisecond.
Machine describe_machine();

// The preset with this machine's caches.
Target target_of(const Machine& machine, int threads);

// Bytes that can be allocated now without swapping; the limit of the control
// group included. 0 if it is not known.
int64_t available_memory();

}  // namespace lathe
