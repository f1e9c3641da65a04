#pragma once
// Strategies: ways to turn a group into loops. The generic loop nest takes any
// group; a faster one is a row in the table below. The cheapest that matches
// is taken.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "codegen/group.h"
#include "codegen/library_product.h"
#include "codegen/loop_ir.h"
#include "codegen/target.h"

namespace lathe {

// An operand in a layout the kernel likes: a buffer defined by an index
// expression over operands of the group that are known at load. It is made
// once, by load steps, through the generic strategy.
// Example: packed[p, k, j] = W[p * 16 + j, k].
struct PackedOperand {
  std::vector<int> operands;  // of the group; slot i of `stage` is operands[i]
  Stage stage;
};

// What a buffer parameter of the kernel is.
enum class BufferSource : uint8_t {
  kOperand,
  kOutput,
  kPacked,
  kScratch,
  // int32 that are 0 whenever a kernel begins: one that changes them makes them
  // 0 again. All kernels of a program share them.
  kCounts,
};
struct BufferBinding {
  BufferSource source = BufferSource::kOperand;
  // Of the operand, of Definition::outputs, `packed`, `scratch`; how many
  // counts.
  int index = 0;
};

// In sizes of a lowered group: 1 where a library computes its products, else 0.
// Each use of the group in a program has a choice of its own.
inline constexpr const char* kLibraryChoice = "library";

struct LoweredKernel {
  LoopKernel kernel;
  // Set: a library computes this, and there is no kernel.
  std::optional<LibraryProduct> product;
  std::vector<BufferBinding> bindings;  // one per kernel buffer
  Dim items;  // extent of the parallel axis, over the group's symbols
  // No items while kLibraryChoice is 1.
  bool yields = false;
  Dim cost;   // nanoseconds of one core for all items
  // The strategy that made it, where it is another than the group's.
  const char* strategy = nullptr;
};

// Memory that a group's kernels hand each other; as large as the sizes of a run
// want it, nothing among them.
struct Scratch {
  std::string name;
  DType dtype = DType::kFloat32;
  Shape shape;  // over the group's symbols
};

struct LoweredGroup : LoweredKernel {
  std::vector<PackedOperand> packed;
  // Kernels that run after this one, in order: they see what it has stored.
  // With the sizes of a run one of them may have no items.
  std::vector<LoweredKernel> after;
  std::vector<Scratch> scratch;
};

struct Strategy {
  const char* name;
  // Whether lower() can take the group.
  bool (*matches)(const Group& group, const Target& target);
  // Relative price; smaller wins. The generic strategy has 1000.
  int price;
  LoweredGroup (*lower)(const Group& group, const Target& target);
};

// All strategies for a target, cheapest first; the last one is the generic
// loop nest.
std::span<const Strategy> strategies(const Target& target);

// The cheapest strategy that matches. generic_only: only those that need no
// special form (generic), or none for kAttention.
const Strategy* find_strategy(const Group& group, const Target& target,
                              bool generic_only);

// One function per strategy, each in strategy_<name>.cpp.
bool matches_generic(const Group& group, const Target& target);
LoweredGroup lower_generic(const Group& group, const Target& target);
bool matches_row(const Group& group, const Target& target);
LoweredGroup lower_row(const Group& group, const Target& target);
bool matches_matmul(const Group& group, const Target& target);
LoweredGroup lower_matmul(const Group& group, const Target& target);
bool matches_attention(const Group& group, const Target& target);
LoweredGroup lower_attention(const Group& group, const Target& target);

}  // namespace lathe
