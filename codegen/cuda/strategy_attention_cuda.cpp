// Attention on a GPU: kernels that stream keys for many and for few queries, of
// which the sizes of a run want one (attention_kernel.h), and, where the keys
// may be split between blocks, one that joins the parts.

#include "codegen/cuda/strategy_attention_cuda.h"

#include <utility>

#include "codegen/cuda/attention_join.h"
#include "codegen/cuda/attention_kernel.h"

namespace lathe::cuda {

bool matches_attention(const Group& group, const Target& target) {
  const auto form = match_attention(group);
  return form && attention_shape(group, *form, target);
}

LoweredGroup lower_attention(const Group& group, const Target& target) {
  const auto form = match_attention(group);
  const auto shape = attention_shape(group, *form, target);
  const AttentionItems items = attention_items(*form, *shape);
  auto kernel = [&](AttentionKernel::Rows rows) {
    return AttentionKernel(group, *form, *shape, items, rows).lower();
  };
  LoweredGroup lowered = kernel(shape->may_be_many
                                    ? AttentionKernel::Rows::kMany
                                    : AttentionKernel::Rows::kFew);
  if (shape->may_be_many && shape->may_be_few) {
    LoweredGroup few = kernel(AttentionKernel::Rows::kFew);
    // Only these count blocks.
    lowered.packed = std::move(few.packed);
    lowered.after.push_back(std::move(few));
  }
  if (items.may_split()) {
    lowered.scratch = {attention_parts(*form, items)};
    if (shape->may_be_many) {
      lowered.after.push_back(join_attention(group, *form, items));
    }
  }
  return lowered;
}

}  // namespace lathe::cuda
