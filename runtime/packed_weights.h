#pragma once
// Everything of a loaded model that stays the same from run to run: packed
// weights, weights that kernels read as stored, and constants.
//
// Loading goes through the load steps one by one: the stored tensors of a
// step are mapped, the step runs on all threads, and their pages are given
// back. So the peak is what is kept, and the tensors of one step.

#include <memory>
#include <optional>
#include <vector>

#include "codegen/program.h"
#include "runtime/device.h"
#include "runtime/report.h"
#include "runtime/weight_uses.h"
#include "runtime/weight_source.h"

namespace lathe {

class PackedWeights {
 public:
  // Requires: the program and the device outlive it; `module` holds the
  // kernels numbered as the program's.
  PackedWeights(const Program& program, Device& device);

  // Throws SpecError L05 for a missing tensor, DeviceError L0702 when memory
  // is short.
  void load(Module& module, const WeightSource& source,
            const Reporter& reporter);

  // Device addresses by buffer; null for buffers that are not weights.
  const std::vector<void*>& addresses() const { return addresses_; }

  // The buffer's contents on the host.
  Tensor to_host(int buffer) const;

  // Bytes of everything that is kept.
  int64_t bytes() const;

 private:
  void load_all(Module& module, const WeightSource& source,
                const Reporter& reporter);
  void run_step(size_t index, Module& module, const WeightSource& source);
  void provide(int buffer, const WeightSource& source);
  void provide_stored(int buffer, const Tensor& tensor);
  void drop(int buffer, const WeightSource& source);
  void report_progress(const Reporter& reporter) const;

  const Program& program_;
  Device& device_;
  std::vector<void*> addresses_;
  std::vector<std::unique_ptr<Memory>> memory_;
  std::vector<std::optional<Tensor>> views_;  // of mapped files, constants
  WeightUses uses_;
  int64_t total_bytes_ = 0;    // of stored tensors
  int64_t done_bytes_ = 0;
};

}  // namespace lathe
