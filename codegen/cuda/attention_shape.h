#pragma once
// How attention is cut into blocks' work on a GPU: what stands in shared
// memory, and what an item is.

#include <optional>

#include "codegen/attention_form.h"
#include "codegen/cuda/warp_tile.h"
#include "codegen/strategy.h"
#include "codegen/target.h"

namespace lathe::cuda {

inline constexpr int kAttentionWarps = 4;
inline constexpr int kAttentionThreads = kAttentionWarps * 32;
// Queries of an item when there are many; few are those of one warp.
inline constexpr int64_t kItemQueries = kAttentionWarps * kWarpQueries;
// Items that keep a GPU busy; while there are fewer, keys are split into parts,
// but not into more than this.
inline constexpr int64_t kWantedItems = 256, kMostSplits = 128;

// By static sizes.
struct AttentionShape {
  // Of shared memory: bfloat16 or float16 for tensor cores, else float32.
  DType dtype = DType::kFloat32;
  // Weights keep the precision of float32.
  bool fine = true;
  int64_t depth = 0;    // padded
  int64_t columns = 0;  // of an item, padded
  int64_t pieces = 1;   // items that share the columns of a result
  int64_t keys = 0;     // of a step
  bool may_be_few = false, may_be_many = false;
};

// Nothing where it would not fit into shared memory.
std::optional<AttentionShape> attention_shape(const Group& group,
                                              const AttentionForm& form,
                                              const Target& target);

// By the sizes of a run. An item is a piece of the columns, for one part of the
// keys, of one tile of queries.
struct AttentionItems {
  Dim tiles;
  Dim splits;  // parts of the keys
  Dim few, many;  // how many of either kind there are; one of them is 0
  // Whether the keys are split: 1 or 0, and whether that may be; whether a
  // kernel of its own joins the parts.
  Dim is_split, is_joined_after;
  bool may_split() const { return !(is_split == 0); }
};
AttentionItems attention_items(const AttentionForm& form,
                               const AttentionShape& shape);

// What the items of a split leave: for each part of the keys and each query a
// line of sums, then their maximum and their total, then nothing, so that lines
// begin at multiples of 16 bytes.
inline constexpr int64_t kPartNumbers = 4;
Scratch attention_parts(const AttentionForm& form,
                        const AttentionItems& items);

}  // namespace lathe::cuda
