#include "runtime/cuda/nccl.h"

#include <utility>

#include "spec/check.h"

namespace lathe::cuda {

std::shared_ptr<const Nccl> Nccl::load(const Options& options,
                                       std::string& reason) {
  auto nccl = std::make_shared<Nccl>();
  nccl->library = SharedLibrary::open(nccl_query(options), reason);
  if (!nccl->library) return nullptr;
#define LATHE_LOAD(name) LATHE_LOAD_CALL(*nccl, "NCCL", name)
  LATHE_NCCL_CALLS(LATHE_LOAD)
#undef LATHE_LOAD
  return nccl;
}

void Nccl::check(ncclResult_t result, const char* call,
                 const std::string& place) const {
  if (result == ncclSuccess) return;
  call_failed("L0703", call, place, ncclGetErrorString(result));
}

ncclUniqueId Nccl::new_id() const {
  ncclUniqueId id = {};
  check(ncclGetUniqueId(&id), "ncclGetUniqueId");
  return id;
}

void Nccl::group(const std::function<void()>& calls) const {
  check(ncclGroupStart(), "ncclGroupStart");
  try {
    calls();
  } catch (...) {
    (void)ncclGroupEnd();
    throw;
  }
  check(ncclGroupEnd(), "ncclGroupEnd");
}

Communicator::Communicator(NcclRef nccl, const ncclUniqueId& id, int ranks,
                           int rank)
    : nccl_(std::move(nccl)) {
  nccl_->check(nccl_->ncclCommInitRank(&comm_, ranks, id, rank),
               "ncclCommInitRank", cat({"rank ", rank, " of ", ranks}));
}

Communicator::~Communicator() {
  (void)(failed_ ? nccl_->ncclCommAbort(comm_)
                 : nccl_->ncclCommDestroy(comm_));
}

void Communicator::check(ncclResult_t result, const char* call,
                         const std::string& place) {
  failed_ = failed_ || result != ncclSuccess;
  nccl_->check(result, call, place);
}

void Communicator::check(const std::string& place) {
  ncclResult_t since = ncclSuccess;
  check(nccl_->ncclCommGetAsyncError(comm_, &since), "ncclCommGetAsyncError",
        place);
  check(since, "a call of NCCL", place);
}

void Communicator::all_reduce(const void* from, void* to, size_t count,
                              ncclDataType_t type, ncclRedOp_t op,
                              cudaStream_t stream, const std::string& place) {
  check(nccl_->ncclAllReduce(from, to, count, type, op, comm_, stream),
        "ncclAllReduce", place);
}

void Communicator::all_gather(const void* from, void* to, size_t count,
                              ncclDataType_t type, cudaStream_t stream,
                              const std::string& place) {
  check(nccl_->ncclAllGather(from, to, count, type, comm_, stream),
        "ncclAllGather", place);
}

void Communicator::reduce_scatter(const void* from, void* to, size_t count,
                                  ncclDataType_t type, ncclRedOp_t op,
                                  cudaStream_t stream,
                                  const std::string& place) {
  check(nccl_->ncclReduceScatter(from, to, count, type, op, comm_, stream),
        "ncclReduceScatter", place);
}

}  // namespace lathe::cuda
