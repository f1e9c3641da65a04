#pragma once
// A Program on a device: binds sizes, places temporaries, launches, and hands
// the outputs out. What depends on sizes alone is kept until they change.

#include <list>
#include <memory>

#include "codegen/program.h"
#include "runtime/arena_cache.h"
#include "runtime/dim_table.h"
#include "runtime/executable.h"
#include "runtime/library_choices.h"
#include "runtime/packed_weights.h"
#include "runtime/report.h"
#include "runtime/run_inputs.h"

namespace lathe {

// What the program wants to be given.
std::vector<InputInfo> inputs_of(const Program& program);

class CompiledExecutable : public Executable {
 public:
  // Compiles the kernels and loads the weights. Requires: the device outlives
  // the executable. `profile`: time every step of every run. `objects`: files
  // of kernels that are compiled already, one a kernel. `sizes`: of the first
  // run, where they are known: what it needs is compiled while weights load.
  CompiledExecutable(Program program, Device& device,
                     const WeightSource& weights, const Reporter& reporter,
                     bool profile,
                     const std::vector<std::string>& objects = {},
                     const DimBindings& sizes = {});

  const std::vector<InputInfo>& inputs() const override {
    return inputs_.infos();
  }
  std::vector<NamedTensor> run(const std::map<std::string, Tensor>& inputs,
                               const DimBindings& dims) override;
  const LoadReport& load_report() const override { return load_report_; }
  const RunReport& run_report() const override { return run_report_; }

  const Program& program() const { return program_; }

 private:
  // A step with its sizes as positions in the table.
  struct BoundStep {
    std::vector<int> dims;
    int items = 0;
    int unless = -1;  // a choice that leaves it no items
    int cost = 0;
  };
  // An input or output of the current run.
  struct Port {
    Tensor tensor;                   // on the host
    std::shared_ptr<Memory> memory;  // on the device; kept for the next run
  };

  void compile(const std::vector<std::string>& objects,
               const DimBindings& sizes, const Reporter& reporter);
  void load(const WeightSource& weights, const Reporter& reporter);
  void tabulate();
  void bind(const DimBindings& dims);
  // Bytes that a buffer takes: its tensor's, or room for an index (index_room.h).
  int64_t memory_for(size_t buffer) const;
  std::vector<int64_t> sizes_of(size_t buffer) const;
  std::vector<int64_t> buffer_sizes() const;
  void place_temporaries(const std::vector<int64_t>& sizes);
  int64_t items_of(size_t step) const;
  std::unique_ptr<LaunchList> make_launches();
  void provide_input(int buffer, const Tensor& tensor);
  void provide_output(int buffer);
  void provide_memory(int buffer, int64_t bytes);
  std::vector<NamedTensor> collect_outputs();
  Tensor output_of(int buffer);
  void report_run(const std::vector<int64_t>& nanoseconds);

  Program program_;
  Device& device_;
  bool profile_;
  RunInputs inputs_;
  std::unique_ptr<Module> module_;
  std::unique_ptr<PackedWeights> weights_;
  DimTable dims_;
  LibraryChoices choices_;
  std::vector<BoundStep> steps_;
  std::vector<std::vector<int>> shapes_;  // of buffers, as table positions
  std::vector<bool> indexed_;             // by buffer
  ArenaCache arena_cache_;
  std::unique_ptr<Memory> arena_;
  // Launches of the sizes bound last, those of now first.
  struct BoundLaunches {
    DimBindings dims;
    std::unique_ptr<LaunchList> launches;
  };
  std::list<BoundLaunches> bound_;
  std::vector<void*> addresses_;          // by buffer
  std::vector<Port> ports_;               // by buffer
  LoadReport load_report_;
  RunReport run_report_;
};

}  // namespace lathe
