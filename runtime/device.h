#pragma once
// The seam between a Program and a machine: memory, compiled kernels and the
// schedule of one run. The CPU, the null device (runs nothing, records) and
// GPUs stand behind it; nothing above it knows which.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "codegen/kernel_abi.h"
#include "codegen/program.h"
#include "codegen/target.h"

namespace lathe {

// Bytes on a device, freed with the object. 64-byte aligned.
class Memory {
 public:
  virtual ~Memory() = default;
  void* data() const { return data_; }
  int64_t bytes() const { return bytes_; }

 protected:
  Memory(void* data, int64_t bytes) : data_(data), bytes_(bytes) {}
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  void* data_;
  int64_t bytes_;
};

// A kernel to compile. `place` says in messages where the model asks for it.
struct KernelSource {
  std::string name;
  std::string text;
  std::string place;
  // Kernels of the load steps are wanted first; those of a run may still be
  // compiling while weights are packed.
  bool wanted_first = false;
  // A run of some sizes has nothing for it to do. A device may leave it until a
  // run has.
  bool may_rest = false;
  KernelLaunch launch;  // GPUs
};

// How the kernels of a program came to be.
struct CompileReport {
  int cached = 0;
  int compiled = 0;
  int packed = 0;      // compiled ahead of time
  double seconds = 0;  // until the last was ready; weights load meanwhile
};

// Compiled kernels, numbered as they were asked for.
class Module {
 public:
  virtual ~Module() = default;

  // Waits until all is compiled but what rests. Again at any time: what has come
  // since. Throws DeviceError L06.
  virtual CompileReport wait() = 0;
};

// One launch with everything bound but the addresses.
struct Launch {
  int kernel = -1;
  std::vector<int> buffers;  // positions in the table that run() is given
  std::vector<int64_t> dims;
  int64_t items = 0;
  int64_t cost = 0;  // estimated nanoseconds of one core for all items
  // Set: a library of the device computes it, there is no kernel. `place` is
  // where the model asks for it.
  std::optional<BoundProduct> product;
  std::string place;
};

// A failed index check.
struct LaunchFault {
  int launch = -1;
  Fault fault;
};

// Launches in order, ready to run any number of times.
class LaunchList {
 public:
  virtual ~LaunchList() = default;

  // Runs all launches on the buffers at these addresses and waits. A fault
  // ends the run. `nanoseconds`, if not null, gets one entry a launch.
  virtual std::optional<LaunchFault> run(
      std::span<void* const> buffers,
      std::vector<int64_t>* nanoseconds) = 0;
};

class Device {
 public:
  virtual ~Device() = default;

  // "cpu", "null".
  virtual std::string name() const = 0;

  // What to generate code for.
  virtual Target target() const = 0;

  // True if host addresses may be given to kernels as they are.
  virtual bool shares_host_memory() const = 0;

  // Throws DeviceError L0702 when memory is short. Contents are undefined.
  virtual std::unique_ptr<Memory> allocate(int64_t bytes) = 0;

  // To and from the host. Plain copies where memory is shared.
  virtual void upload(void* to, const void* from, int64_t bytes) = 0;
  virtual void download(void* to, const void* from, int64_t bytes) = 0;

  // Kernels are about to be written for this device, compile() follows: what it
  // needs may be made ready meanwhile, by another thread.
  virtual void expect_kernels() {}

  // Starts compiling what the cache does not have. `prelude` stands before
  // the kernels' texts.
  virtual std::unique_ptr<Module> compile(
      const std::string& prelude, std::vector<KernelSource> kernels) = 0;

  // Kernels that were compiled for this device before: `files[i]` holds
  // kernels[i], whose text may be missing. Throws DeviceError L0602 or L0703
  // for a file that cannot be loaded.
  virtual std::unique_ptr<Module> load(std::vector<KernelSource> kernels,
                                       std::vector<std::string> files) = 0;

  // Whether a library of the device computes the product; then launches may
  // have it. `reason` says why not. Throws DeviceError L0702 or L0703 when the
  // library fails.
  virtual bool takes(const BoundProduct& product, std::string& reason) {
    (void)product;
    reason = "this device has no library for products";
    return false;
  }

  // Requires: `module` outlives the schedule and comes from this device.
  // Waits for the kernels that are launched. Throws DeviceError L06.
  virtual std::unique_ptr<LaunchList> schedule(
      Module& module, std::vector<Launch> launches) = 0;
};

}  // namespace lathe
