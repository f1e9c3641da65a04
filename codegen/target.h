#pragma once
// Plain description of a machine to generate code for. Strategies read tile
// shapes from here; nothing asks the real machine.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lathe {

// What is different where the machine is an NVIDIA GPU.
struct GpuTarget {
  int sm = 80;  // compute capability, 90 for sm_90a
  int warp = 32;
  // The most dynamic shared memory that a block may ask for.
  int64_t shared_bytes = 99 * 1024;
  // cvt and mma.sync of 8-bit floats.
  bool float8 = false;
  // wgmma and tensor maps, which are of sm_90a alone.
  bool wgmma = false;
};

struct Target {
  // "avx512", "avx2", "neon", "generic", "sm_80" ... "sm_120a"
  std::string name = "generic";
  std::optional<GpuTarget> gpu;  // set: kernels are CUDA C++
  int vector_bytes = 16;         // native vector width
  int vector_registers = 16;
  bool fma = false;
  bool bf16_dot = false;  // vdpbf16ps
  bool int8_dot = false;  // multiplies bytes faster than floats
  bool byte_permute = false;  // vpermi2b
  int l1_bytes = 32 * 1024;
  int l2_bytes = 512 * 1024;
  int threads = 1;

  int lanes(int element_bytes) const { return vector_bytes / element_bytes; }
};

// Presets by name: avx512, avx2, neon, generic, sm_80, sm_86, sm_89, sm_90a,
// sm_100a, sm_120a. InternalError when unknown.
Target target_preset(const std::string& name);

// The presets for GPUs, oldest first.
std::vector<std::string> gpu_target_names();

// The preset for a GPU of this compute capability, 10 * major + minor; the
// nearest below where there is no preset of its own.
Target gpu_target(int capability);

}  // namespace lathe
