#include "codegen/cuda/attention_shape.h"

#include <algorithm>

#include "codegen/cuda/shared_lines.h"
#include "spec/round_up.h"

namespace lathe::cuda {
namespace {

constexpr int64_t kMostColumns = 128;
// Beside lines of operands: what workers combine, sums of few queries.
constexpr int64_t kOtherBytes = 2048 + kWarpQueries * kMostColumns * 4;
// A part of the keys is worth an item of its own from here on.
constexpr int64_t kLeastKeys = 256;

// The narrow float that holds all sides exactly, else float32.
DType dtype_of(const AttentionForm& form) {
  for (DType dtype : {DType::kBFloat16, DType::kFloat16}) {
    if (holds_exactly(dtype, form.query) && holds_exactly(dtype, form.key) &&
        holds_exactly(dtype, form.value)) {
      return dtype;
    }
  }
  return DType::kFloat32;
}

int64_t bytes_of(const AttentionShape& shape, int64_t keys) {
  int64_t bytes = kOtherBytes +
                  SharedLines::bytes(shape.dtype, kItemQueries, shape.depth) +
                  SharedLines::bytes(shape.dtype, keys, shape.depth) +
                  SharedLines::bytes(shape.dtype, keys, shape.columns);
  if (shape.dtype == DType::kFloat32) {
    bytes += SharedLines::bytes(shape.dtype, kItemQueries, keys);
  }
  return bytes;
}

}  // namespace

std::optional<AttentionShape> attention_shape(const Group& group,
                                              const AttentionForm& form,
                                              const Target& target) {
  // Nothing to move or to multiply is for others.
  if (form.depth == 0 || form.columns == 0) return std::nullopt;
  AttentionShape shape;
  shape.dtype = dtype_of(form);
  const bool plain = shape.dtype == DType::kFloat32;
  shape.fine = std::any_of(
      group.definition.outputs.begin(), group.definition.outputs.end(),
      [&](int s) { return size_of(group.stage(s).dtype) > 2; });
  shape.depth = round_up(form.depth.value(), 16);
  shape.pieces =
      std::max<int64_t>(1, (form.columns.value() + kMostColumns - 1) /
                               kMostColumns);
  shape.columns = shape.pieces > 1
                      ? kMostColumns
                      : round_up(form.columns.value(), plain ? 32 : 16);
  shape.may_be_few =
      !form.rows.is_static() || form.rows.value() <= kWarpQueries;
  shape.may_be_many =
      !form.rows.is_static() || form.rows.value() > kWarpQueries;
  // Two blocks at a time hide each other's waiting.
  const int64_t fewest = plain ? 32 : 64;
  for (int64_t share : {2, 1}) {
    for (int64_t keys = 64; keys >= fewest; keys /= 2) {
      if (bytes_of(shape, keys) > target.gpu->shared_bytes / share) continue;
      shape.keys = keys;
      return shape;
    }
  }
  return std::nullopt;
}

AttentionItems attention_items(const AttentionForm& form,
                               const AttentionShape& shape) {
  AttentionItems items;
  items.tiles = ceildiv(form.rows, Dim(kItemQueries));
  const Dim whole = form.batch * items.tiles * Dim(shape.pieces);
  const Dim wanted = floordiv(Dim(kWantedItems), max(whole, Dim(1)));
  items.splits =
      max(min(ceildiv(form.keys, Dim(kLeastKeys)),
              min(wanted, Dim(kMostSplits))),
          Dim(1));
  items.is_split = min(items.splits - 1, Dim(1));
  // 1 where there are more queries than a warp has.
  const Dim are_many =
      min(floordiv(form.rows, Dim(kWarpQueries + 1)), Dim(1));
  items.is_joined_after = are_many * items.is_split;
  items.many = are_many * whole * items.splits;
  items.few = (Dim(1) - are_many) * whole * items.splits;
  return items;
}

Scratch attention_parts(const AttentionForm& form,
                        const AttentionItems& items) {
  const Dim lines = form.batch * items.splits * form.rows;
  return {"parts", DType::kFloat32,
          {items.is_split * lines, form.columns + Dim(kPartNumbers)}};
}

}  // namespace lathe::cuda
