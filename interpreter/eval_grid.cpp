#include "interpreter/eval_grid.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "interpreter/index_fault.h"
#include "spec/check.h"
#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Below this many evaluated points a second thread does not pay.
constexpr int64_t kManyPoints = 1 << 17;

// How many points one evaluation of the node visits.
int64_t points_of(const EvalNode& node) {
  int64_t points = 1;
  for (const EvalNode& arg : node.args) {
    points = std::max(points, points_of(arg));
  }
  for (const EvalAxis& axis : node.axes) {
    points = std::max<int64_t>(1, axis.extent) *
             std::min<int64_t>(points, INT32_MAX);
  }
  return points;
}

// Runs of the grid's points: whole blocks within rows of the last axis if
// rows are long, so that the other variables stay the same.
struct Blocks {
  int64_t size = 0, row = 1, per_row = 1;

  explicit Blocks(const EvalGrid& grid) : size(grid.size()), row(size) {
    const int64_t last = grid.axes.empty() ? 1 : grid.axes.back().extent;
    if (last >= kLanes / 4) row = last;
    per_row = (row + kLanes - 1) / kLanes;
  }
  int64_t count() const { return size == 0 ? 0 : size / row * per_row; }
  int64_t begin(int64_t block) const {
    return block / per_row * row + block % per_row * kLanes;
  }
  int lanes(int64_t block) const {
    return static_cast<int>(
        std::min<int64_t>(kLanes, row - block % per_row * kLanes));
  }
};

[[noreturn]] void index_fault(const StageSite& site, int64_t value,
                              int64_t extent, int64_t position) {
  fail("L0801", site.span,
       index_fault_text(site.op, site.writes_at_indices, value, extent,
                        position));
}

// What one thread needs.
class GridWorker {
 public:
  GridWorker(const EvalGrid& grid, const std::vector<EvalNode>& nodes,
             const EvalCompiler& compiler, const std::vector<Tensor>& slots,
             const StageSite& site)
      : grid_(grid),
        nodes_(nodes),
        lanes_(slots, compiler.load_count(),
               [this, &site](int64_t value, int64_t extent,
                             const LaneBlock& block, int lane) {
                 index_fault(site, value, extent, position(block, lane));
               }) {
    block_.variables.resize(compiler.variable_count());
  }

  void run(int64_t begin, int count, const GridSink& sink) {
    const LaneMemory::Mark mark = lanes_.memory().mark();
    block_.count = count;
    block_.id = lanes_.next_id();
    set_variables(begin);
    std::vector<const void*> columns;
    for (const EvalNode& node : nodes_) columns.push_back(column(node));
    sink(begin, count, columns);
    lanes_.memory().release(mark);
  }

 private:
  const void* column(const EvalNode& node) {
    if (node.type == NumType::kBool) return lanes_.lanes<uint8_t>(node, block_);
    if (node.type == NumType::kInt64) {
      return lanes_.lanes<int64_t>(node, block_);
    }
    return lanes_.lanes<double>(node, block_);
  }

  void set_variables(int64_t begin) {
    int64_t stride = 1;
    for (size_t a = grid_.axes.size(); a-- > 0;) {
      const EvalAxis& axis = grid_.axes[a];
      LaneVariable& variable = block_.variables[axis.variable];
      const int64_t first = begin / stride;
      if (first == (begin + block_.count - 1) / stride) {
        variable = {nullptr, first % axis.extent};
      } else {
        int64_t* values = lanes_.memory().take<int64_t>(block_.count);
        for (int i = 0; i < block_.count; ++i) {
          values[i] = (begin + i) / stride % axis.extent;
        }
        variable = {values, 0};
      }
      stride *= axis.extent;
    }
  }

  // The flat grid position of a lane of any block made from this grid's.
  int64_t position(const LaneBlock& block, int lane) const {
    int64_t flat = 0;
    for (const EvalAxis& axis : grid_.axes) {
      const LaneVariable& variable = block.variables[axis.variable];
      flat = flat * axis.extent +
             (variable.lanes ? variable.lanes[lane] : variable.value);
    }
    return flat;
  }

  const EvalGrid& grid_;
  const std::vector<EvalNode>& nodes_;
  LaneEvaluator lanes_;
  LaneBlock block_;
};

// The error of the earliest block; blocks are begun in order, so that it is
// the same one every time.
class FirstError {
 public:
  void add(int64_t block) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (error_ && block_ < block) return;
    block_ = block;
    error_ = std::current_exception();
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  int64_t block_ = 0;
  std::exception_ptr error_;
};

}  // namespace

int64_t EvalGrid::size() const {
  int64_t size = 1;
  for (const EvalAxis& axis : axes) size *= axis.extent;
  return size;
}

void evaluate_grid(const EvalGrid& grid, const std::vector<EvalNode>& nodes,
                   const EvalCompiler& compiler,
                   const std::vector<Tensor>& slots, const StageSite& site,
                   const GridSink& sink) {
  const Blocks blocks(grid);
  const int64_t count = blocks.count();
  std::atomic<int64_t> next{0};
  FirstError first_error;
  const auto work = [&] {
    int64_t block = 0;
    try {
      GridWorker worker(grid, nodes, compiler, slots, site);
      while ((block = next.fetch_add(1)) < count) {
        worker.run(blocks.begin(block), blocks.lanes(block), sink);
      }
    } catch (...) {
      next = count;
      first_error.add(block);
    }
  };
  int64_t points = 1;
  for (const EvalNode& node : nodes) points = std::max(points, points_of(node));
  const bool much = count > 1 && points > kManyPoints / blocks.size;
  const unsigned threads =
      much ? std::min(4u, std::thread::hardware_concurrency()) : 1;
  std::vector<std::thread> helpers;
  for (unsigned i = 1; i < threads; ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
  first_error.rethrow();
}

}  // namespace lathe
