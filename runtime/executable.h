#pragma once
// A loaded model: run it on tensors by name, as often as wanted. One run at a
// time; sizes may differ from run to run.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/graph.h"
#include "interpreter/tensor.h"
#include "runtime/device.h"
#include "runtime/named_tensor.h"
#include "spec/dim.h"

namespace lathe {

// What a model wants to be given.
struct InputInfo {
  std::string name;
  TensorType type;
  std::optional<double> default_value;  // may be left out
  SourceSpan span;
};

// Time of one step of the last run.
struct StepTime {
  std::string what;   // "mlp.gate_proj matmul silu"
  std::string path;   // the layer's path
  std::string place;  // "model.yaml:27"
  int64_t nanoseconds = 0;
  int64_t bytes = 0;  // of the buffers it reads and writes, once each
};

// Where loading spent its time and memory.
struct LoadReport {
  CompileReport kernels;
  double weights_seconds = 0;
  int64_t weight_bytes = 0;  // kept: packed, or used as stored
  int steps = 0;
};

// Memory of the last run.
struct RunReport {
  double seconds = 0;
  double bind_seconds = 0;      // of these: sizes and plan
  int64_t temporary_bytes = 0;  // the arena
  std::vector<StepTime> steps;  // empty unless Options::profile
};

class Executable {
 public:
  virtual ~Executable() = default;

  virtual const std::vector<InputInfo>& inputs() const = 0;

  // The outputs in order. `dims` binds sizes that no input shows. Inputs are
  // converted within their class, as spec/README.md says. Throws SpecError L04
  // when the inputs do not fit, L08 when an index is out of range, DeviceError
  // L07 when memory is short.
  virtual std::vector<NamedTensor> run(
      const std::map<std::string, Tensor>& inputs,
      const DimBindings& dims = {}) = 0;

  virtual const LoadReport& load_report() const = 0;
  virtual const RunReport& run_report() const = 0;
};

}  // namespace lathe
