// Indexing with numbers known while building, and padding.

#include <cmath>

#include "interpreter/op_builder.h"
#include "spec/text.h"

namespace lathe {
namespace {

// A bound of a slice as a position in [0, size]: negative numbers count from
// the end, as in Python. Symbolic bounds count from the beginning.
Dim clamped_bound(const Dim& bound, const Dim& size) {
  if (bound.is_static() && bound.value() < 0) {
    return size - min(size, -bound);
  }
  return min(max(bound, 0), size);
}

// Whether a slice's end cannot lie before its beginning.
bool in_order(const Dim& start, const Dim& stop) {
  if (!start.is_static() || !stop.is_static()) return false;
  const bool same_side = (start.value() < 0) == (stop.value() < 0);
  return same_side && start.value() <= stop.value();
}

struct Bounds {
  Dim start;
  Dim length;
};

Bounds bounds_of(const OpBuilder& b, const Dim& size) {
  Bounds bounds{0, size};
  const bool has_start = b.has("start");
  if (has_start) bounds.start = clamped_bound(b.dim("start"), size);
  if (!b.has("stop")) {
    bounds.length = size - bounds.start;
    return bounds;
  }
  const Dim stop = clamped_bound(b.dim("stop"), size);
  bounds.length = stop - bounds.start;
  const bool safe = !has_start || in_order(b.dim("start"), b.dim("stop"));
  if (!safe) bounds.length = max(bounds.length, 0);
  return bounds;
}

void define_slice(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const int axis = b.axis("axis", x.rank());
  const int64_t step = b.integer("step");
  if (step < 1) {
    b.fail("L0408", cat({"`slice` wants a step of at least 1 and gets ", step}),
           "step", step < 0 ? "`flip` turns an axis around" : "");
  }
  const Bounds bounds = bounds_of(b, x.shape[axis]);
  Shape shape = x.shape;
  shape[axis] = ceildiv(bounds.length, step);
  b.stage(b.op_name(), x.dtype, shape, [&](Index i) {
    i[axis] = i[axis] * int_literal(step) + size_of(bounds.start);
    return x(i);
  });
}

const RegisterOp kSlice({
    .name = "slice",
    .doc = "Elements start, start + step, ... before stop along an axis; "
           "x[start:stop:step].\n"
           "Bounds beyond the axis are cut to it, negative ones count from "
           "the end, as in Python. Bounds may be symbolic.",
    .signature = "x: any[...], axis: int, start: int?, stop: int?, "
                 "step: int = 1 -> any[...]",
    .define = define_slice,
    .samples = {"x: [N], axis: 0, start: 1", "x: [N], axis: 0, stop: -1",
                "x: [B, 9], axis: 1, start: 1, stop: 8, step: 3",
                "x: [N], axis: 0, start: -3", "x: [3, N], axis: 1, step: 2",
                "x: [9, 4].T, axis: 0, start: 1, stop: 100"},
    .infix = "[:]",
});

void define_select(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const int axis = b.axis("axis", x.rank());
  const Dim& size = x.shape[axis];
  const Dim index = b.dim("index");
  const bool from_end = index.is_static() && index.value() < 0;
  const Dim position = from_end ? size + index : index;
  const Dim needed = from_end ? -index : index + 1;
  b.require_equal(max(size, needed), size, "L0408",
                  cat({"index ", index.to_string(), " is outside axis ", axis,
                       " of size ", size.to_string()}));
  Shape shape = x.shape;
  shape.erase(shape.begin() + axis);
  b.stage(b.op_name(), x.dtype, shape, [&](Index i) {
    i.insert(i.begin() + axis, size_of(position));
    return x(i);
  });
}

const RegisterOp kSelect({
    .name = "select",
    .doc = "The elements at one index of an axis, which is dropped; x[i].\n"
           "A negative index counts from the end. The index must exist.",
    .signature = "x: any[...], axis: int, index: int -> any[...]",
    .define = define_select,
    .samples = {"x: [3, N], axis: 0, index: 1", "x: [P, 4], axis: 0, index: -1",
                "x: [2, 3, 4], axis: 1, index: 2", "x: [5], axis: 0, index: 0"},
    .infix = "[i]",
});

// Zeros, or another number, around x.
Expr padded_constant(const Operand& x, const Index& shifted, const Expr& value,
                     const std::vector<bool>& padded) {
  Expr inside = literal(true);
  for (size_t d = 0; d < shifted.size(); ++d) {
    if (!padded[d]) continue;
    inside = inside && int_literal(0) <= shifted[d] &&
             shifted[d] < size_of(x.shape[d]);
  }
  return select(inside, x(shifted), value);
}

// The index mirrored at the first and the last element.
Expr reflected(const Expr& index, const Dim& size) {
  const Expr last = size_of(size - 1);
  const Expr from_first = call(ScalarOp::kAbs, {index});
  return last - call(ScalarOp::kAbs, {last - from_first});
}

Expr nearest(const Expr& index, const Dim& size) {
  return min(max(index, 0), size_of(size - 1));
}

// The padding value in the type that x computes in.
Expr padding_value(const OpBuilder& b, const Operand& x) {
  const double value = b.number("value");
  if (is_float(x.dtype)) return float_literal(value, x.num_type());
  if (value != std::floor(value)) {
    b.fail("L0404", cat({"`pad` cannot put a fraction into ",
                         to_string(x.dtype)}),
           "value");
  }
  return is_bool(x.dtype) ? literal(value != 0)
                          : int_literal(static_cast<int64_t>(value));
}

std::vector<Dim> paddings_of(const OpBuilder& b, const Operand& x) {
  const std::vector<Dim> paddings = b.dims("paddings");
  if (paddings.size() != 2 * x.shape.size()) {
    b.fail("L0405",
           cat({"`pad` wants ", 2 * x.shape.size(), " paddings, two an axis, ",
                "and gets ", paddings.size()}),
           "paddings");
  }
  for (const Dim& padding : paddings) {
    if (provably_less(padding, 0)) {
      b.fail("L0408", "`pad` gets the negative padding " + padding.to_string(),
             "paddings", "a slice makes tensors smaller");
    }
  }
  return paddings;
}

// Mirrored elements must exist: padding < size; the nearest one: size > 0.
void require_source(OpBuilder& b, const Dim& size, const Dim& padding,
                    bool reflect) {
  const Dim needed = reflect ? padding + 1 : Dim(1);
  b.require_equal(max(size, needed), size, "L0407",
                  cat({"`pad` cannot ", reflect ? "reflect " : "repeat ",
                       padding.to_string(), " elements of an axis of size ",
                       size.to_string()}));
}

void define_pad(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const std::string mode = b.text("mode");
  const std::vector<Dim> paddings = paddings_of(b, x);
  const Expr value = padding_value(b, x);
  Shape shape = x.shape;
  std::vector<bool> padded;
  for (size_t d = 0; d < shape.size(); ++d) {
    const Dim& low = paddings[2 * d];
    const Dim& high = paddings[2 * d + 1];
    padded.push_back(low != Dim(0) || high != Dim(0));
    shape[d] += low + high;
    if (!padded[d] || mode == "constant") continue;
    require_source(b, x.shape[d], max(low, high), mode == "reflect");
  }
  b.stage(b.op_name(), x.dtype, shape, [&](Index i) {
    for (size_t d = 0; d < i.size(); ++d) {
      i[d] = i[d] - size_of(paddings[2 * d]);
      if (!padded[d] || mode == "constant") continue;
      i[d] = mode == "reflect" ? reflected(i[d], x.shape[d])
                               : nearest(i[d], x.shape[d]);
    }
    return mode == "constant" ? padded_constant(x, i, value, padded) : x(i);
  });
}

const RegisterOp kPad({
    .name = "pad",
    .doc = "x with elements added around it: paddings is [before, after] for "
           "the first axis, then the next, ...\n"
           "constant adds `value`; reflect mirrors x without repeating its "
           "border; edge repeats the border.",
    .signature = "x: any[...], paddings: ints, "
                 "mode: constant|reflect|edge = constant, value: float = 0 "
                 "-> any[...]",
    .define = define_pad,
    .samples = {"x: [N], paddings: [2, 1]",
                "x: [B, 3], paddings: [0, 0, 1, 4], value: 2",
                "x: [5, 3], paddings: [4, 2, 1, 2], mode: reflect",
                "x: [3, P], paddings: [2, 0, 3, 3], mode: edge"},
});

}  // namespace
}  // namespace lathe
