// A stand-in for libnccl.so.2: ranks are threads of this process, which meet at
// each call, and the streams of the fake driver have finished all before.
#include <nccl.h>

#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "tests/fake_cuda/fake_cuda.h"
#include "tests/fake_cuda/fake_state.h"

namespace {

// What a rank brings to a call.
struct Part {
  const void* from = nullptr;
  void* to = nullptr;
  size_t count = 0;
};

// The ranks of one id. Each call is a round; the last rank to come does it.
struct Ring {
  std::mutex mutex;
  std::condition_variable changed;
  int ranks = 0, there = 0, rounds = 0;
  bool aborted = false;
  std::vector<Part> parts;

  template <typename Work>
  ncclResult_t meet(int rank, const Part& part, const Work& work) {
    std::unique_lock lock(mutex);
    if (aborted) return ncclRemoteError;
    parts.resize(static_cast<size_t>(ranks));
    parts[static_cast<size_t>(rank)] = part;
    const int round = rounds;
    if (++there == ranks) {
      work(parts);
      there = 0;
      ++rounds;
      changed.notify_all();
    }
    changed.wait(lock, [&] { return rounds != round || aborted; });
    return rounds != round ? ncclSuccess : ncclRemoteError;
  }
};

struct FakeComm {
  std::shared_ptr<Ring> ring;
  int rank = 0;
};

FakeComm& of(ncclComm_t comm) { return *reinterpret_cast<FakeComm*>(comm); }

std::mutex rings_mutex;
std::map<int64_t, std::shared_ptr<Ring>> rings;  // by id
int64_t next_id = 1;

bool fails(const char* name) {
  const char* failing = std::getenv("LATHE_FAKE_FAIL");
  return failing && std::strcmp(failing, name) == 0;
}

// Sums alone, of floats alone.
bool is_known(ncclDataType_t type, ncclRedOp_t op) {
  return type == ncclFloat32 && op == ncclSum;
}

float sum_at(const std::vector<Part>& parts, size_t i) {
  float sum = 0;
  for (const Part& part : parts) sum += static_cast<const float*>(part.from)[i];
  return sum;
}

std::shared_ptr<Ring> ring_of(const ncclUniqueId& id, int ranks) {
  int64_t number = 0;
  std::memcpy(&number, id.internal, sizeof number);
  const std::lock_guard lock(rings_mutex);
  auto& ring = rings[number];
  if (!ring) ring = std::make_shared<Ring>();
  ring->ranks = ranks;
  return ring;
}

}  // namespace

extern "C" {

ncclResult_t ncclGetVersion(int* version) {
  *version = 22809;
  return ncclSuccess;
}
const char* ncclGetErrorString(ncclResult_t result) {
  return result == ncclSuccess           ? "no error"
         : result == ncclInvalidArgument ? "invalid argument"
         : result == ncclRemoteError     ? "remote process exited"
                                         : "internal error";
}
ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  if (fails("ncclGetUniqueId")) return ncclInternalError;
  const std::lock_guard lock(rings_mutex);
  std::memcpy(id->internal, &next_id, sizeof next_id);
  ++next_id;
  return ncclSuccess;
}
ncclResult_t ncclCommInitRank(ncclComm_t* comm, int ranks, ncclUniqueId id,
                              int rank) {
  if (fails("ncclCommInitRank")) return ncclInternalError;
  if (rank < 0 || rank >= ranks) return ncclInvalidArgument;
  auto* made = new FakeComm{ring_of(id, ranks), rank};
  const ncclResult_t met =
      made->ring->meet(rank, {}, [](const std::vector<Part>&) {
        ++lathe::fake::state().objects;
      });
  *comm = reinterpret_cast<ncclComm_t>(made);
  return met;
}
ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  const ncclResult_t met =
      of(comm).ring->meet(of(comm).rank, {}, [](const std::vector<Part>&) {
        --lathe::fake::state().objects;
      });
  delete &of(comm);
  return met;
}
ncclResult_t ncclCommAbort(ncclComm_t comm) {
  Ring& ring = *of(comm).ring;
  {
    const std::lock_guard lock(ring.mutex);
    if (!ring.aborted) --lathe::fake::state().objects;
    ring.aborted = true;
    ring.changed.notify_all();
  }
  delete &of(comm);
  return ncclSuccess;
}
ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* error) {
  const std::lock_guard lock(of(comm).ring->mutex);
  *error = of(comm).ring->aborted ? ncclRemoteError : ncclSuccess;
  return ncclSuccess;
}

// Every rank has a thread, so nothing has to wait for the group's end.
ncclResult_t ncclGroupStart() {
  return fails("ncclGroupStart") ? ncclInternalError : ncclSuccess;
}
ncclResult_t ncclGroupEnd() {
  return fails("ncclGroupEnd") ? ncclInternalError : ncclSuccess;
}

ncclResult_t ncclAllReduce(const void* from, void* to, size_t count,
                           ncclDataType_t type, ncclRedOp_t op,
                           ncclComm_t comm, cudaStream_t) {
  if (fails("ncclAllReduce")) return ncclInternalError;
  if (!is_known(type, op)) return ncclInvalidArgument;
  return of(comm).ring->meet(
      of(comm).rank, {from, to, count}, [](const std::vector<Part>& parts) {
        std::vector<float> sums;
        for (size_t i = 0; i < parts[0].count; ++i) {
          sums.push_back(sum_at(parts, i));
        }
        for (const Part& part : parts) {
          std::memcpy(part.to, sums.data(), sums.size() * sizeof(float));
        }
      });
}
ncclResult_t ncclAllGather(const void* from, void* to, size_t count,
                           ncclDataType_t type, ncclComm_t comm,
                           cudaStream_t) {
  if (fails("ncclAllGather")) return ncclInternalError;
  if (type != ncclFloat32) return ncclInvalidArgument;
  return of(comm).ring->meet(
      of(comm).rank, {from, to, count}, [](const std::vector<Part>& parts) {
        const size_t bytes = parts[0].count * sizeof(float);
        for (const Part& part : parts) {
          for (size_t r = 0; r < parts.size(); ++r) {
            std::memmove(static_cast<char*>(part.to) + r * bytes,
                         parts[r].from, bytes);
          }
        }
      });
}
ncclResult_t ncclReduceScatter(const void* from, void* to, size_t count,
                               ncclDataType_t type, ncclRedOp_t op,
                               ncclComm_t comm, cudaStream_t) {
  if (fails("ncclReduceScatter")) return ncclInternalError;
  if (!is_known(type, op)) return ncclInvalidArgument;
  return of(comm).ring->meet(
      of(comm).rank, {from, to, count}, [](const std::vector<Part>& parts) {
        for (size_t r = 0; r < parts.size(); ++r) {
          for (size_t i = 0; i < parts[r].count; ++i) {
            static_cast<float*>(parts[r].to)[i] =
                sum_at(parts, r * parts[r].count + i);
          }
        }
      });
}

}  // extern "C"
