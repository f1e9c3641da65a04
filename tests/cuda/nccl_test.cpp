// NCCL's calls on the stand-in, whose ranks are threads.
#include "runtime/cuda/nccl.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <thread>
#include <vector>

#include "spec/check.h"

namespace lathe::cuda {
namespace {

NcclRef load_fake() {
  Options options;
  options.nccl_library = LATHE_FAKE_CUDA;
  std::string reason;
  NcclRef nccl = Nccl::load(options, reason);
  REQUIRE(nccl != nullptr);
  return nccl;
}

// Runs `work` on `ranks` threads, each with its communicator; what they threw,
// by rank.
template <typename Work>
std::vector<std::string> on_ranks(int ranks, const Work& work) {
  const NcclRef nccl = load_fake();
  const ncclUniqueId id = nccl->new_id();
  std::vector<std::string> errors(static_cast<size_t>(ranks));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        Communicator comm(nccl, id, ranks, rank);
        work(comm, rank);
      } catch (const DeviceError& error) {
        errors[static_cast<size_t>(rank)] = error.code() + " " + error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return errors;
}

}  // namespace

TEST_CASE("nccl: ranks add up, gather and share out") {
  std::vector<std::vector<float>> sums(3), all(3), own(3);
  const auto errors = on_ranks(3, [&](Communicator& comm, int rank) {
    const auto r = static_cast<size_t>(rank);
    const auto first = static_cast<float>(10 * rank);
    const std::vector<float> mine = {first, first + 1, first + 2};
    sums[r].resize(3), all[r].resize(9), own[r].resize(1);
    comm.all_reduce(mine.data(), sums[r].data(), 3, ncclFloat32, ncclSum,
                    nullptr, "a");
    comm.all_gather(mine.data(), all[r].data(), 3, ncclFloat32, nullptr, "b");
    comm.reduce_scatter(mine.data(), own[r].data(), 1, ncclFloat32, ncclSum,
                        nullptr, "c");
    comm.check("d");
  });
  CHECK_EQ(errors, std::vector<std::string>(3));
  for (size_t r = 0; r < 3; ++r) {
    CHECK_EQ(sums[r], std::vector<float>{30, 33, 36});
    CHECK_EQ(all[r], std::vector<float>{0, 1, 2, 10, 11, 12, 20, 21, 22});
    CHECK_EQ(own[r], std::vector<float>{sums[0][r]});
  }
}

TEST_CASE("nccl: a call that fails is named, and the others do not wait") {
  const auto errors = on_ranks(2, [&](Communicator& comm, int rank) {
    float number = 1;
    comm.all_reduce(&number, &number, 1, rank == 0 ? ncclFloat16 : ncclFloat32,
                    ncclSum, nullptr, "fc (m.yaml:4)");
  });
  CHECK_EQ(errors[0],
           "L0703 ncclAllReduce fails for fc (m.yaml:4) with invalid argument");
  CHECK_EQ(errors[1],
           "L0703 ncclAllReduce fails for fc (m.yaml:4) with remote process "
           "exited");
}

TEST_CASE("nccl: a group ends whatever happens in it") {
  const NcclRef nccl = load_fake();
  int calls = 0;
  nccl->group([&] { ++calls; });
  CHECK_EQ(calls, 1);
  CHECK_THROWS_AS(nccl->group([] { throw DeviceError("L0703", "mine"); }),
                  DeviceError);
  setenv("LATHE_FAKE_FAIL", "ncclGroupEnd", 1);
  try {
    nccl->group([] {});
    CHECK(false);
  } catch (const DeviceError& error) {
    CHECK_EQ(std::string(error.what()),
             "ncclGroupEnd fails with internal error");
  }
  unsetenv("LATHE_FAKE_FAIL");
}

}  // namespace lathe::cuda
