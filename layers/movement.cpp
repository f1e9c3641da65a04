// Ops that read elements from other places: permuted, repeated, reversed.

#include <algorithm>

#include "interpreter/op_builder.h"
#include "spec/text.h"

namespace lathe {
namespace {

// out[i] = x[i with axes permuted]: axis d of the result is axis axes[d] of x.
void permute(OpBuilder& b, const Operand& x, const std::vector<int>& axes) {
  Shape shape;
  for (int axis : axes) shape.push_back(x.shape[axis]);
  b.stage(b.op_name(), x.dtype, shape, [&](const Index& i) {
    Index index(i.size());
    for (size_t d = 0; d < axes.size(); ++d) index[axes[d]] = i[d];
    return x(index);
  });
}

void define_transpose(OpBuilder& b) {
  const Operand x = b.tensor("x");
  std::vector<int> axes(x.rank());
  for (int i = 0; i < x.rank(); ++i) axes[i] = i;
  std::swap(axes[b.axis("axis1", x.rank())], axes[b.axis("axis2", x.rank())]);
  permute(b, x, axes);
}

const RegisterOp kTranspose({
    .name = "transpose",
    .doc = "Swaps two axes, by default the last two.",
    .signature = "x: any[...], axis1: int = -2, axis2: int = -1 -> any[...]",
    .define = define_transpose,
    .samples = {"x: [N, 3]", "x: [2, N, 5]", "x: [B, 3, 4], axis1: 0",
                "x: [17, 33]"},
});

void define_permute(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const std::vector<int64_t> dims = b.integers("dims");
  if (static_cast<int>(dims.size()) != x.rank()) {
    b.fail("L0405", cat({"`permute` wants ", x.rank(), " axes and gets ",
                         dims.size()}),
           "dims");
  }
  b.axes("dims", x.rank());  // each named once
  std::vector<int> axes;
  for (int64_t dim : dims) {
    axes.push_back(static_cast<int>(dim < 0 ? dim + x.rank() : dim));
  }
  permute(b, x, axes);
}

const RegisterOp kPermute({
    .name = "permute",
    .doc = "x with its axes in the order `dims`.",
    .signature = "x: any[...], dims: ints -> any[...]",
    .define = define_permute,
    .samples = {"x: [B, 3, 4], dims: [2, 0, 1]", "x: [N, 2], dims: [1, 0]",
                "x: [2, 3, 4, 5], dims: [0, 2, 1, -1]"},
});

void define_broadcast_to(OpBuilder& b) {
  const Operand x = b.tensor("x");
  Shape shape = b.dims("shape");
  for (size_t i = 0; i < shape.size(); ++i) {
    const size_t skipped = shape.size() - std::min(shape.size(), x.shape.size());
    if (shape[i] == Dim(-1) && i >= skipped) shape[i] = x.shape[i - skipped];
    if (!provably_less(shape[i], 0)) continue;
    b.fail("L0408", "`broadcast_to` gets the size " + shape[i].to_string(),
           "shape");
  }
  const std::string message =
      cat({"`broadcast_to` cannot stretch ", to_string(x.shape), " to ",
           to_string(shape)});
  if (shape.size() < x.shape.size()) b.fail("L0401", message, "shape");
  const size_t skipped = shape.size() - x.shape.size();
  for (size_t i = 0; i < x.shape.size(); ++i) {
    if (x.shape[i] == Dim(1)) continue;
    b.require_equal(x.shape[i], shape[skipped + i], "L0401", message);
  }
  b.stage(b.op_name(), x.dtype, shape,
          [&](const Index& i) { return x.broadcast(i); });
}

const RegisterOp kBroadcastTo({
    .name = "broadcast_to",
    .doc = "x repeated along new leading axes and axes of size 1.\n"
           "-1 leaves an axis as it is.",
    .signature = "x: any[...], shape: ints -> any[*shape]",
    .define = define_broadcast_to,
    .samples = {"x: [1, 3], shape: [4, 3]", "x: [N], shape: [2, N]",
                "x: [], shape: [2, 2]", "x: [B, 1], shape: [-1, 7]"},
});

void define_tile(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const std::vector<Dim> repeats = b.dims("repeats");
  if (static_cast<int>(repeats.size()) != x.rank()) {
    b.fail("L0405", cat({"`tile` wants ", x.rank(), " repeats and gets ",
                         repeats.size()}),
           "repeats");
  }
  Shape shape = x.shape;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (provably_less(repeats[i], 1)) {
      b.fail("L0408", "`tile` repeats at least once, and gets " +
                          repeats[i].to_string(),
             "repeats");
    }
    shape[i] *= repeats[i];
  }
  b.stage(b.op_name(), x.dtype, shape, [&](Index i) {
    for (size_t d = 0; d < i.size(); ++d) {
      if (repeats[d] != Dim(1)) i[d] = i[d] % size_of(x.shape[d]);
    }
    return x(i);
  });
}

const RegisterOp kTile({
    .name = "tile",
    .doc = "The whole of x repeated along each axis.",
    .signature = "x: any[...], repeats: ints -> any[...]",
    .define = define_tile,
    .samples = {"x: [N], repeats: [3]", "x: [2, 3], repeats: [2, 1]",
                "x: [B, 2], repeats: [1, 4]"},
});

// The index of the element that is number `flat` in row-major order.
Index index_in_order(const Shape& shape, Expr flat) {
  Index index(shape.size(), int_literal(0));
  for (size_t axis = shape.size(); axis-- > 0;) {
    index[axis] = axis == 0 ? flat : flat % size_of(shape[axis]);
    flat = flat / size_of(shape[axis]);
  }
  return index;
}

void define_repeat_interleave(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const Dim repeats = b.dim("repeats");
  if (provably_less(repeats, 1)) {
    b.fail("L0408", "`repeat_interleave` repeats at least once, and gets " +
                        repeats.to_string(),
           "repeats");
  }
  if (!b.has("axis")) {
    const Dim count = numel(x.shape);
    b.stage(b.op_name(), x.dtype, {count * repeats}, [&](const Index& i) {
      return x(index_in_order(x.shape, i[0] / size_of(repeats)));
    });
    return;
  }
  const int axis = b.axis("axis", x.rank());
  Shape shape = x.shape;
  shape[axis] *= repeats;
  b.stage(b.op_name(), x.dtype, shape, [&](Index i) {
    i[axis] = i[axis] / size_of(repeats);
    return x(i);
  });
}

const RegisterOp kRepeatInterleave({
    .name = "repeat_interleave",
    .doc = "Each element along an axis repeated: [a, b] gives [a, a, b, b].\n"
           "Without an axis, the elements of all of x, in one axis.",
    .signature = "x: any[...], repeats: int, axis: int? -> any[...]",
    .define = define_repeat_interleave,
    .samples = {"x: [N], repeats: 3", "x: [B, 2, 5], repeats: 4, axis: -2",
                "x: [2, 3], repeats: 1, axis: 0", "x: [2, N, 3], repeats: 2",
                "x: [], repeats: 3"},
});

void define_flip(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const std::vector<int> axes = b.axes("axis", x.rank());
  b.stage(b.op_name(), x.dtype, x.shape, [&](Index i) {
    for (int axis : axes) i[axis] = size_of(x.shape[axis] - 1) - i[axis];
    return x(i);
  });
}

const RegisterOp kFlip({
    .name = "flip",
    .doc = "x backwards along an axis or a list of axes.",
    .signature = "x: any[*s], axis: ints = -1 -> any[*s]",
    .define = define_flip,
    .samples = {"x: [N]", "x: [3, 4], axis: [0, 1]", "x: [B, 2], axis: 0"},
});

}  // namespace
}  // namespace lathe
