#pragma once
// Where the cubins of a module come from: compiled here, or made before.

#include <memory>
#include <string>
#include <vector>

#include "runtime/device.h"

namespace lathe::cuda {

// The bytes of a cubin. Kernels that were compiled together are in one, and have
// the same pointer.
using Cubin = std::shared_ptr<const std::string>;

class CubinSource {
 public:
  virtual ~CubinSource() = default;

  const std::vector<KernelSource>& kernels() const { return kernels_; }

  // Says that these are wanted soon.
  virtual void request(const std::vector<int>& kernels) = 0;

  // What the kernel is in. Waits until it is there; throws DeviceError L06. Can be
  // taken again: a driver that had no room for it may have some later.
  virtual Cubin take(int kernel) = 0;

  // About those taken so far.
  virtual CompileReport report() const = 0;

 protected:
  explicit CubinSource(std::vector<KernelSource> kernels)
      : kernels_(std::move(kernels)) {}
  CubinSource(const CubinSource&) = delete;
  CubinSource& operator=(const CubinSource&) = delete;

  std::vector<KernelSource> kernels_;
};

}  // namespace lathe::cuda
