#pragma once
// CUDA text compiled by the host compiler for the emulator.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "codegen/program.h"
#include "tests/emulator/kernel_call.h"
#include "tests/emulator/tensor_map.h"
#include "tests/support/temp_folder.h"

namespace lathe {

class EmulatedObject {
 public:
  // `text` is a device header and kernels. InternalError with what the
  // compiler says when it does not compile.
  explicit EmulatedObject(const std::string& text);
  ~EmulatedObject();
  EmulatedObject(const EmulatedObject&) = delete;
  EmulatedObject& operator=(const EmulatedObject&) = delete;

  // The kernel's code, or null.
  void* find(const std::string& name) const;

 private:
  TempFolder folder_;
  void* handle_ = nullptr;
};

// The object of a text, which a process compiles once, whatever orders of
// threads it then runs in.
std::shared_ptr<const EmulatedObject> emulated_object(const std::string& text);

// The tensor maps that a launch takes behind its other parameters, for these
// and its dim arguments. InternalError for one that a driver would refuse.
std::vector<EmulatedTensorMap> tensor_maps_of(const KernelLaunch& launch,
                                              const KernelParameters& values,
                                              std::span<const int64_t> dims);

// Launches a kernel as the runtime would, in at most `most_blocks` blocks;
// what went wrong, or nothing.
std::string emulate_kernel(void* code, const KernelLaunch& launch,
                           int64_t items, const KernelParameters& parameters,
                           uint64_t seed, int64_t most_blocks = 1 << 20);

}  // namespace lathe
