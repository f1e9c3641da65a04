#pragma once
// The driver's objects as C++ objects: made by a constructor that throws
// DeviceError, gone with the destructor, which does not throw.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "runtime/cuda/driver.h"

namespace lathe::cuda {

using DriverRef = std::shared_ptr<const Driver>;

// The primary context of a GPU.
class Context {
 public:
  Context(DriverRef driver, int ordinal);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Makes it the calling thread's. Every call below wants that.
  void use() const;

  const Driver& driver() const { return *driver_; }
  CUdevice device() const { return device_; }
  // "NVIDIA H200".
  std::string name() const;
  // 90 for compute capability 9.0.
  int capability() const;
  // Whether memory may be asked for and given back in the order of a stream.
  bool has_memory_pools() const { return has_memory_pools_; }

 private:
  int attribute(CUdevice_attribute which) const;

  DriverRef driver_;
  CUdevice device_ = 0;
  CUcontext context_ = nullptr;
  bool has_memory_pools_ = false;
};

using ContextRef = std::shared_ptr<const Context>;

class Stream {
 public:
  explicit Stream(ContextRef context);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  CUstream get() const { return stream_; }
  const Context& context() const { return *context_; }
  const ContextRef& context_ref() const { return context_; }
  // Waits for all that was put into it. `place` as in Driver::check.
  void wait(const std::string& place = "") const;

 private:
  ContextRef context_;
  CUstream stream_ = nullptr;
};

using StreamRef = std::shared_ptr<const Stream>;

class Event {
 public:
  explicit Event(StreamRef stream);
  ~Event();
  Event(Event&& other) noexcept;
  Event& operator=(Event&&) = delete;

  void record() const;
  void wait() const;
  int64_t nanoseconds_since(const Event& start) const;

 private:
  StreamRef stream_;
  CUevent event_ = nullptr;
};

// The work of a capture, to be put into the stream at once.
class StreamGraph {
 public:
  explicit StreamGraph(StreamRef stream) : stream_(std::move(stream)) {}
  ~StreamGraph();
  StreamGraph(const StreamGraph&) = delete;
  StreamGraph& operator=(const StreamGraph&) = delete;

  bool captured() const { return graph_ != nullptr; }

  // Takes what `record` puts into the stream, in place of what it had. Such
  // work is not done now. `place` as in Driver::check.
  void capture(const std::function<void()>& record, const std::string& place);

  // Requires: captured().
  void launch(const std::string& place) const;

 private:
  void make(CUgraph recorded, const std::string& place);

  StreamRef stream_;
  CUgraphExec graph_ = nullptr;
};

// Bytes of the GPU's memory, given back in the order of the stream where the
// driver can do that.
class DeviceBytes {
 public:
  DeviceBytes(StreamRef stream, int64_t bytes);
  ~DeviceBytes();
  DeviceBytes(const DeviceBytes&) = delete;
  DeviceBytes& operator=(const DeviceBytes&) = delete;

  CUdeviceptr get() const { return data_; }

 private:
  StreamRef stream_;
  CUdeviceptr data_ = 0;
};

// Host memory that the GPU can copy from while we go on.
class PinnedMemory {
 public:
  PinnedMemory(ContextRef context, size_t bytes);
  ~PinnedMemory();
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  ContextRef context_;
  void* data_ = nullptr;
  size_t bytes_;
};

// A cubin in the GPU's memory.
class LoadedCubin {
 public:
  // `place` says in messages where the model asks for one of its kernels.
  LoadedCubin(ContextRef context, const std::string& cubin,
              const std::string& place);
  ~LoadedCubin();
  LoadedCubin(const LoadedCubin&) = delete;
  LoadedCubin& operator=(const LoadedCubin&) = delete;

  // The kernel `name`, which may be launched with so much shared memory.
  CUfunction function(const std::string& name, int64_t shared_bytes,
                      const std::string& place) const;

 private:
  ContextRef context_;
  CUmodule module_ = nullptr;
};

}  // namespace lathe::cuda
