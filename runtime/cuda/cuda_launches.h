#pragma once
// Launches of GPU kernels in a row on one stream: one by one for the first
// run, as a graph from the second on. Where the GPU can do it, a kernel may
// start while the one before ends (programmatic dependent launch): kernels wait
// for their predecessor's results themselves.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/cuda/cuda_module.h"
#include "runtime/cuda/product_library.h"

namespace lathe::cuda {

class CudaLaunches : public LaunchList {
 public:
  // Waits for the kernels of launches that have items. Requires: the module and
  // the library outlive the list; the library, which may be null, takes all
  // products among them that have items.
  CudaLaunches(CudaModule& module, ProductLibrary* library, StreamRef stream,
               std::vector<Launch> launches);

  std::optional<LaunchFault> run(std::span<void* const> buffers,
                                 std::vector<int64_t>* nanoseconds) override;

 private:
  // A kernel's parameters: buffers, dims, items, where faults go, tensor maps.
  // Those of a product are its buffers.
  struct Step {
    CUfunction function = nullptr;
    CUlaunchConfig config = {};
    const ProductPlan* product = nullptr;
    bool is_product = false;
    bool runs = false;  // with these sizes; else a product has no plan
    std::vector<uint64_t> values;
    std::vector<CUtensorMap> maps;
    bool has_maps = false;  // of the buffers that it has
    std::vector<void*> parameters;  // addresses of the values and maps
    const std::vector<TensorView>* views = nullptr;  // of the maps
    std::string place;
  };

  Step make_step(CudaModule& module, const Launch& launch);
  static Step make_product(ProductLibrary* library, const Launch& launch);
  void fill(std::span<void* const> buffers);
  void encode_maps(Step& step, const Launch& launch) const;
  void launch(Step& step, bool may_overlap) const;
  void clear_faults() const;
  void fetch_faults() const;
  void put_into_stream();
  void run_timed(std::vector<int64_t>& nanoseconds);
  std::optional<LaunchFault> first_fault() const;

  std::vector<Launch> launches_;
  StreamRef stream_;
  bool overlaps_;  // whether the GPU can start a kernel early
  std::vector<Step> steps_;
  std::string place_;  // of all steps, for messages
  std::optional<DeviceBytes> faults_;  // one for each launch
  std::optional<PinnedMemory> found_;  // their copy on the host
  std::vector<Event> events_;
  StreamGraph graph_;
  bool is_current_ = false;  // the graph has the steps' addresses
  int64_t runs_ = 0;
};

}  // namespace lathe::cuda
