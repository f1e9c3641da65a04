#pragma once
// Launches of CPU kernels in a row, run by an elastic region: the threads
// enter once for the whole schedule, not once for each kernel.

#include <chrono>
#include <vector>

#include "codegen/kernel_abi.h"
#include "runtime/cpu_module.h"
#include "runtime/device.h"
#include "runtime/elastic_region.h"
#include "runtime/thread_pool.h"

namespace lathe {

class CpuSchedule : public LaunchList {
 public:
  // Waits for the kernels. Requires: module and pool outlive the schedule.
  CpuSchedule(CpuKernels& module, ThreadPool& pool,
              std::vector<Launch> launches);

  std::optional<LaunchFault> run(std::span<void* const> buffers,
                                 std::vector<int64_t>* nanoseconds) override;

  // What the region calls.
  int64_t open(int step);
  void run(int step, int64_t chunk);
  bool close(int step);

 private:
  struct Step {
    KernelFunction function = nullptr;
    Args args = {};
    int64_t items = 0;
    int64_t chunks = 0;
  };

  Fault first_fault();

  std::vector<Launch> launches_;
  ThreadPool& pool_;
  std::vector<Step> steps_;
  std::vector<void*> addresses_;  // of all steps, one after the other
  Fault fault_;                   // of the first step that has one
  int faulty_step_ = -1;
  int64_t cost_ = 0;
  ElasticRegion<CpuSchedule> region_;
  std::chrono::steady_clock::time_point last_close_;
  std::vector<int64_t>* nanoseconds_ = nullptr;  // while running
};

// Into how many chunks a step of this many items and estimated nanoseconds is
// cut for this many threads.
int64_t chunk_count(int64_t items, int64_t cost, int threads);

}  // namespace lathe
