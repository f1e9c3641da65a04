#pragma once
// Plain description of a machine to generate code for. Strategies read tile
// shapes from here; nothing asks the real machine.

#include <string>

namespace lathe {

struct Target {
  std::string name = "generic";  // "avx512", "avx2", "neon", "generic"
  int vector_bytes = 16;         // native vector width
  int vector_registers = 16;
  bool fma = false;
  bool bf16_dot = false;  // vdpbf16ps
  bool int8_dot = false;  // vpdpbusd
  bool byte_permute = false;  // vpermi2b
  int l1_bytes = 32 * 1024;
  int l2_bytes = 512 * 1024;
  int threads = 1;

  int lanes(int element_bytes) const { return vector_bytes / element_bytes; }
};

// Presets by name: avx512, avx2, neon, generic. InternalError when unknown.
Target target_preset(const std::string& name);

}  // namespace lathe
