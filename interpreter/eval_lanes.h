#pragma once
// Evaluation of a prepared expression for many values of its variables at
// once: a node yields a column with one number a lane.

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "interpreter/eval_code.h"
#include "interpreter/tensor.h"

namespace lathe {

// One value per lane, or one for all of them. The type is the node's:
// double for floats, int64_t, or uint8_t for bool.
struct Column {
  const void* data = nullptr;
  bool uniform = false;

  template <typename T>
  const T* as() const {
    return static_cast<const T*>(data);
  }
};

// Values of a variable: one per lane, or the same in all lanes.
struct LaneVariable {
  const int64_t* lanes = nullptr;  // null: `value` in every lane
  int64_t value = 0;
};

// The lanes that are evaluated together. Variables that differ between lanes
// keep their values as long as `id` does.
struct LaneBlock {
  int count = 0;
  uint64_t id = 0;
  std::vector<LaneVariable> variables;
};

// Memory for columns, given back in the reverse order.
class LaneMemory {
 public:
  template <typename T>
  T* take(int count) {
    return reinterpret_cast<T*>(take_words(
        (static_cast<size_t>(count) * sizeof(T) + 7) / 8));
  }
  struct Mark {
    size_t chunk = 0, used = 0;
  };
  Mark mark() const { return mark_; }
  void release(const Mark& mark) { mark_ = mark; }

 private:
  int64_t* take_words(size_t count);

  static constexpr size_t kChunkWords = 1 << 16;
  std::vector<std::unique_ptr<int64_t[]>> chunks_;
  Mark mark_;
};

// Told of an index out of range: its value, the extent and the lane.
using IndexFault =
    std::function<void(int64_t value, int64_t extent, const LaneBlock& block,
                       int lane)>;

// Most lanes in a block.
inline constexpr int kLanes = 512;

class LaneEvaluator {
 public:
  LaneEvaluator(const std::vector<Tensor>& slots, int loads, IndexFault fault)
      : slots_(slots), addresses_(loads), fault_(std::move(fault)) {}

  // The node's values; they live until the memory is released.
  Column evaluate(const EvalNode& node, LaneBlock& block);
  // As a column with a value in each lane.
  template <typename T>
  const T* lanes(const EvalNode& node, LaneBlock& block);

  LaneMemory& memory() { return memory_; }
  uint64_t next_id() { return ++last_id_; }

 private:
  // The part of a load's addresses that stays the same in a block.
  struct Address {
    uint64_t block = 0;
    std::vector<int64_t> lanes;
    int64_t lowest = 0, highest = 0;
    bool uniform = false, contiguous = false;
  };

  const Address& block_address(const EvalNode& node, const LaneBlock& block);
  Column load(const EvalNode& node, LaneBlock& block);
  Column load_at(const EvalNode& node, const int64_t* address, int64_t offset,
                 const LaneBlock& block);
  Column call(const EvalNode& node, LaneBlock& block);
  Column select(const EvalNode& node, LaneBlock& block);
  Column cast(const EvalNode& node, LaneBlock& block);
  Column checked(const EvalNode& node, LaneBlock& block);
  Column reduce(const EvalNode& node, LaneBlock& block);
  bool reduces_by_lanes(const EvalNode& node, const LaneBlock& block);
  template <typename T>
  Column reduce_as(const EvalNode& node, LaneBlock& block);
  template <typename T>
  void reduce_by_steps(const EvalNode& node, LaneBlock& block, T* best,
                       int64_t* positions);
  template <typename T>
  void reduce_by_lanes(const EvalNode& node, LaneBlock& block, T* best,
                       int64_t* positions);
  const void* expand(const Column& column, NumType type, int count);
  LaneBlock subset(const LaneBlock& block, const std::vector<int>& chosen);

  const std::vector<Tensor>& slots_;
  std::vector<Address> addresses_;
  IndexFault fault_;
  LaneMemory memory_;
  uint64_t last_id_ = 0;
};

}  // namespace lathe
