#pragma once
// NCCL's functions that lathe calls, found in libnccl.so.2 at run time, and its
// communicator as a C++ object. What is sent between GPUs goes through here.

#include <nccl.h>

#include <functional>
#include <memory>
#include <string>

#include "runtime/cuda/library.h"
#include "runtime/cuda/load_calls.h"

namespace lathe::cuda {

#define LATHE_NCCL_CALLS(X)  \
  X(ncclGetVersion)          \
  X(ncclGetErrorString)      \
  X(ncclGetUniqueId)         \
  X(ncclCommInitRank)        \
  X(ncclCommDestroy)         \
  X(ncclCommAbort)           \
  X(ncclCommGetAsyncError)   \
  X(ncclGroupStart)          \
  X(ncclGroupEnd)            \
  X(ncclAllReduce)           \
  X(ncclAllGather)           \
  X(ncclReduceScatter)

// The loaded library.
struct Nccl {
  LATHE_NCCL_CALLS(LATHE_CALL_MEMBER)

  std::unique_ptr<SharedLibrary> library;

  // Null if there is none that fits, and `reason` says why.
  static std::shared_ptr<const Nccl> load(const Options& options,
                                          std::string& reason);

  // Throws DeviceError L0703 unless the result is success. `call` names the
  // function, `place` may say where in the model.
  void check(ncclResult_t result, const char* call,
             const std::string& place = "") const;

  // What rank 0 hands the others, so that they find each other.
  ncclUniqueId new_id() const;

  // Calls of several communicators that belong together: they begin when
  // `calls` is done. An error of `calls` ends the group.
  void group(const std::function<void()>& calls) const;
};

using NcclRef = std::shared_ptr<const Nccl>;

// One rank among `ranks` that were given the same id. What it is told to do is
// put into a stream; `count` is that of the function of NCCL.
class Communicator {
 public:
  // Waits until all ranks are there, or, in a group, until it ends. The
  // calling thread's context is the rank's GPU.
  Communicator(NcclRef nccl, const ncclUniqueId& id, int ranks, int rank);
  // Where something has failed the others may never come: then it is aborted.
  ~Communicator();
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  void all_reduce(const void* from, void* to, size_t count,
                  ncclDataType_t type, ncclRedOp_t op, cudaStream_t stream,
                  const std::string& place);
  void all_gather(const void* from, void* to, size_t count,
                  ncclDataType_t type, cudaStream_t stream,
                  const std::string& place);
  void reduce_scatter(const void* from, void* to, size_t count,
                      ncclDataType_t type, ncclRedOp_t op,
                      cudaStream_t stream, const std::string& place);

  // Throws DeviceError L0703 if a rank has failed since.
  void check(const std::string& place);

 private:
  void check(ncclResult_t result, const char* call, const std::string& place);

  NcclRef nccl_;
  ncclComm_t comm_ = nullptr;
  bool failed_ = false;
};

}  // namespace lathe::cuda
