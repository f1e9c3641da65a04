#include "codegen/target.h"

#include "spec/check.h"

namespace lathe {
namespace {

struct GpuRow {
  const char* name;
  GpuTarget gpu;
};

// Ascending. The letter opens what only this architecture has, such as wgmma.
constexpr GpuRow kGpus[] = {
    {"sm_80", {.sm = 80, .shared_bytes = 163 * 1024}},
    {"sm_86", {.sm = 86, .shared_bytes = 99 * 1024}},
    {"sm_89", {.sm = 89, .shared_bytes = 99 * 1024, .float8 = true}},
    {"sm_90a",
     {.sm = 90, .shared_bytes = 227 * 1024, .float8 = true, .wgmma = true}},
    {"sm_100a", {.sm = 100, .shared_bytes = 227 * 1024, .float8 = true}},
    {"sm_120a", {.sm = 120, .shared_bytes = 99 * 1024, .float8 = true}},
};

}  // namespace

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
    return {
        .name = name, .vector_bytes = 32, .fma = true, .int8_dot = true};
  }
  if (name == "neon") {
    return {
        .name = name, .vector_registers = 32, .fma = true, .int8_dot = true};
  }
  for (const GpuRow& row : kGpus) {
    if (name == row.name) return {.name = name, .gpu = row.gpu};
  }
  LATHE_CHECK(name == "generic", "no target is called ", name);
  return {};
}

std::vector<std::string> gpu_target_names() {
  std::vector<std::string> names;
  for (const GpuRow& row : kGpus) names.emplace_back(row.name);
  return names;
}

Target gpu_target(int capability) {
  const GpuRow* best = nullptr;
  for (const GpuRow& row : kGpus) {
    if (row.gpu.sm <= capability) best = &row;
  }
  LATHE_CHECK(best != nullptr, "no target for compute capability ",
              capability);
  Target target{.name = best->name, .gpu = best->gpu};
  // Code for a letter runs on that architecture alone; other members of the
  // family take what all of them share.
  if (best->gpu.sm != capability) {
    target.name = "sm_" + std::to_string(capability);
    target.gpu->wgmma = false;
  }
  return target;
}

}  // namespace lathe
