#include "codegen/target.h"

#include "spec/check.h"

namespace lathe {

Target target_preset(const std::string& name) {
  if (name == "avx512") {
    return {.name = name,
            .vector_bytes = 64,
            .vector_registers = 32,
            .fma = true,
            .bf16_dot = true,
            .int8_dot = true,
            .byte_permute = true,
            .l1_bytes = 48 * 1024,
            .l2_bytes = 1024 * 1024};
  }
  if (name == "avx2") {
    return {.name = name, .vector_bytes = 32, .fma = true};
  }
  if (name == "neon") {
    return {.name = name, .vector_registers = 32, .fma = true};
  }
  LATHE_CHECK(name == "generic", "no target is called ", name);
  return {};
}

}  // namespace lathe
