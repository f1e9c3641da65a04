// Changes of shape that keep the order of the elements.
//
// Old and new axes are matched in segments of equal element count, so that
// [B, T, 12 * 64] to [B, T, 12, 64] reads in[b, t, h * 64 + d] and no index
// runs over the whole tensor.

#include <algorithm>

#include "interpreter/op_builder.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Axes [begin, end) of a list.
struct Range {
  size_t begin = 0, end = 0;
};

// Input axes and output axes with equally many elements.
struct Segment {
  Range in, out;
};

Dim product(const Shape& shape, const Range& range) {
  Dim result = 1;
  for (size_t i = range.begin; i < range.end; ++i) result *= shape[i];
  return result;
}

// The shortest matching ranges that begin at (i, j), or end there if
// `backward`; nothing if there are none within the limits.
bool find_segment(const Shape& in, const Shape& out, Range i, Range j,
                  bool backward, Segment& found) {
  const size_t most = (i.end - i.begin) + (j.end - j.begin);
  for (size_t sum = 2; sum <= most; ++sum) {
    for (size_t a = 1; a < sum && a <= i.end - i.begin; ++a) {
      const size_t b = sum - a;
      if (b > j.end - j.begin) continue;
      found = backward ? Segment{{i.end - a, i.end}, {j.end - b, j.end}}
                       : Segment{{i.begin, i.begin + a}, {j.begin, j.begin + b}};
      if (product(in, found.in) == product(out, found.out)) return true;
    }
  }
  return false;
}

std::vector<Segment> segments_of(const Shape& in, const Shape& out) {
  std::vector<Segment> segments;
  Range i{0, in.size()};
  Range j{0, out.size()};
  Segment found;
  while (find_segment(in, out, i, j, false, found)) {
    segments.push_back(found);
    i.begin = found.in.end;
    j.begin = found.out.end;
  }
  while (find_segment(in, out, i, j, true, found)) {
    segments.push_back(found);
    i.end = found.in.begin;
    j.end = found.out.begin;
  }
  // What is left is equal by assumption.
  if (i.begin < i.end || j.begin < j.end) segments.push_back({i, j});
  return segments;
}

// The indices of the input axes of `segment`, given those of the output.
void map_segment(const Shape& in, const Shape& out, const Segment& segment,
                 const Index& output, Index& input) {
  Expr flat = int_literal(0);
  for (size_t j = segment.out.begin; j < segment.out.end; ++j) {
    flat = flat * size_of(out[j]) + output[j];
  }
  Dim stride = 1;
  for (size_t i = segment.in.end; i-- > segment.in.begin;) {
    Expr index = flat / size_of(stride);
    if (i > segment.in.begin) index = index % size_of(in[i]);
    input[i] = index;
    stride *= in[i];
  }
}

// Positions of the axes that do not have size 1.
std::vector<size_t> long_axes(const Shape& shape) {
  std::vector<size_t> axes;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] != Dim(1)) axes.push_back(i);
  }
  return axes;
}

template <typename T>
std::vector<T> pick(const std::vector<T>& all,
                    const std::vector<size_t>& positions) {
  std::vector<T> picked;
  for (size_t position : positions) picked.push_back(all[position]);
  return picked;
}

// Index of the element of shape `in` that stands at `output` in `out`.
Index reshaped_index(const Shape& in, const Shape& out, const Index& output) {
  const std::vector<size_t> in_axes = long_axes(in);
  const std::vector<size_t> out_axes = long_axes(out);
  const Shape long_in = pick(in, in_axes);
  const Shape long_out = pick(out, out_axes);
  const Index long_output = pick(output, out_axes);
  Index long_input(long_in.size(), int_literal(0));
  for (const Segment& segment : segments_of(long_in, long_out)) {
    map_segment(long_in, long_out, segment, long_output, long_input);
  }
  Index input(in.size(), int_literal(0));
  for (size_t i = 0; i < in_axes.size(); ++i) {
    input[in_axes[i]] = long_input[i];
  }
  return input;
}

// The factors of both that are not common to them.
struct Ratio {
  Dim above = 1, below = 1;
};

Ratio ratio_of(const Shape& above, Shape below) {
  Ratio ratio;
  for (const Dim& dim : above) {
    const auto same = std::find(below.begin(), below.end(), dim);
    if (same == below.end()) {
      ratio.above *= dim;
    } else {
      below.erase(same);
    }
  }
  for (const Dim& dim : below) ratio.below *= dim;
  return ratio;
}

std::string mismatch(const OpBuilder& b, const Shape& in, const Shape& out) {
  return cat({"`", b.op_name(), "` cannot turn ", to_string(in), " into ",
              to_string(out), ": ", numel(in).to_string(), " and ",
              numel(out).to_string(), " elements"});
}

// The size that a -1 among `wanted` stands for.
Dim inferred_size(OpBuilder& b, const Shape& in, const Shape& wanted,
                  const char* name) {
  Shape others;
  for (const Dim& dim : wanted) {
    if (dim != Dim(-1)) others.push_back(dim);
  }
  const std::string message =
      cat({"`", b.op_name(), "` cannot infer the -1 of ", to_string(wanted),
           " from ", to_string(in)});
  if (others.size() + 1 != wanted.size()) {
    b.fail("L0408", message + ": there are two", name);
  }
  if (std::count(others.begin(), others.end(), Dim(0))) {
    b.fail("L0407", message + ": any size would do beside a size of 0", name);
  }
  const Ratio ratio = ratio_of(in, others);
  b.require_multiple(ratio.above, ratio.below, "L0407",
                     cat({message, ": ", ratio.above.to_string(),
                          " is not a multiple of ", ratio.below.to_string()}));
  return floordiv(ratio.above, ratio.below);
}

// The given sizes must hold as many elements; with a -1 they do.
void require_same_count(OpBuilder& b, const Shape& in, const Shape& out) {
  if (numel(in) == Dim(0) && numel(out) == Dim(0)) return;
  const Ratio ratio = ratio_of(in, out);
  b.require_equal(ratio.above, ratio.below, "L0407", mismatch(b, in, out));
}

// `wanted` with its -1 replaced, for tensors of shape `in`.
Shape resolved_shape(OpBuilder& b, const Shape& in, Shape wanted,
                     const char* name) {
  const Shape given = wanted;
  for (Dim& dim : wanted) {
    if (dim == Dim(-1)) {
      dim = inferred_size(b, in, given, name);
    } else if (provably_less(dim, 0)) {
      b.fail("L0408",
             cat({"`", b.op_name(), "` gets the size ", dim.to_string()}),
             name);
    }
  }
  if (given == wanted) require_same_count(b, in, wanted);
  return wanted;
}

void reshape_to(OpBuilder& b, const Operand& x, const Shape& shape) {
  b.stage(b.op_name(), x.dtype, shape, [&](const Index& i) {
    return x(reshaped_index(x.shape, shape, i));
  });
}

void define_reshape(OpBuilder& b) {
  const Operand x = b.tensor("x");
  reshape_to(b, x, resolved_shape(b, x.shape, b.dims("shape"), "shape"));
}

const RegisterOp kReshape({
    .name = "reshape",
    .doc = "x with the same elements in the same order and another shape.\n"
           "One size may be -1: it follows from the others. Sizes may be "
           "symbolic.",
    .signature = "x: any[...], shape: ints -> any[*shape]",
    .define = define_reshape,
    .samples = {"x: [N], shape: [-1, 1]", "x: [B, 5, 12], shape: [B, 5, 3, 4]",
                "x: [B, 3, 4], shape: [B, 12]", "x: [6, 4], shape: [8, 3]",
                "x: [2, B, 3], shape: [-1]", "x: [4, 6].T, shape: [2, 12]",
                "x: [B, 0], shape: [0, 7]", "x: [1, 1], shape: []"},
});

void define_flatten(OpBuilder& b) {
  const Operand x = b.tensor("x");
  if (x.rank() == 0) return reshape_to(b, x, {1});
  const int first = b.axis("start", x.rank());
  const int last = b.axis("end", x.rank());
  if (first > last) {
    b.fail("L0406", cat({"`flatten` gets start ", first, " behind end ", last}),
           "start");
  }
  Shape shape(x.shape.begin(), x.shape.begin() + first);
  shape.push_back(product(x.shape, {static_cast<size_t>(first),
                                    static_cast<size_t>(last) + 1}));
  shape.insert(shape.end(), x.shape.begin() + last + 1, x.shape.end());
  reshape_to(b, x, shape);
}

const RegisterOp kFlatten({
    .name = "flatten",
    .doc = "Joins the axes start to end, both included, into one.",
    .signature = "x: any[...], start: int = 0, end: int = -1 -> any[...]",
    .define = define_flatten,
    .samples = {"x: [B, 3, 5]", "x: [2, B, 3], start: 1",
                "x: [2, 3, B], start: 0, end: 1", "x: []"},
});

void define_unflatten(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const int axis = b.axis("axis", x.rank());
  const Shape sizes =
      resolved_shape(b, {x.shape[axis]}, b.dims("sizes"), "sizes");
  Shape shape(x.shape.begin(), x.shape.begin() + axis);
  shape.insert(shape.end(), sizes.begin(), sizes.end());
  shape.insert(shape.end(), x.shape.begin() + axis + 1, x.shape.end());
  reshape_to(b, x, shape);
}

const RegisterOp kUnflatten({
    .name = "unflatten",
    .doc = "Splits one axis into several of the given sizes; one may be -1.",
    .signature = "x: any[...], axis: int, sizes: ints -> any[...]",
    .define = define_unflatten,
    .samples = {"x: [B, 12], axis: -1, sizes: [3, 4]",
                "x: [6, B], axis: 0, sizes: [2, -1]"},
});

void define_squeeze(OpBuilder& b) {
  const Operand x = b.tensor("x");
  std::vector<int> dropped;
  if (b.has("axis")) {
    dropped = b.axes("axis", x.rank());
  } else {
    for (int i = 0; i < x.rank(); ++i) {
      if (x.shape[i] == Dim(1)) dropped.push_back(i);
    }
  }
  Shape shape;
  for (int i = 0; i < x.rank(); ++i) {
    if (std::binary_search(dropped.begin(), dropped.end(), i)) {
      b.require_equal(x.shape[i], 1, "L0407",
                      cat({"`squeeze` wants axis ", i, " to have size 1, and ",
                           "it has ", x.shape[i].to_string()}));
    } else {
      shape.push_back(x.shape[i]);
    }
  }
  b.stage(b.op_name(), x.dtype, shape, [&](const Index& i) {
    Index index;
    size_t next = 0;
    for (int axis = 0; axis < x.rank(); ++axis) {
      const bool drop =
          std::binary_search(dropped.begin(), dropped.end(), axis);
      index.push_back(drop ? int_literal(0) : i[next++]);
    }
    return x(index);
  });
}

const RegisterOp kSqueeze({
    .name = "squeeze",
    .doc = "Drops axes of size 1: the given ones, or all whose size is known "
           "to be 1.",
    .signature = "x: any[...], axis: ints? -> any[...]",
    .define = define_squeeze,
    .samples = {"x: [B, 1, 3], axis: 1", "x: [1, N, 1], axis: [0, -1]",
                "x: [1, N, 1]"},
});

void define_unsqueeze(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const int axis = b.axis("axis", x.rank() + 1);
  Shape shape = x.shape;
  shape.insert(shape.begin() + axis, 1);
  b.stage(b.op_name(), x.dtype, shape, [&](Index i) {
    i.erase(i.begin() + axis);
    return x(i);
  });
}

const RegisterOp kUnsqueeze({
    .name = "unsqueeze",
    .doc = "Inserts an axis of size 1 before position `axis`; -1 is behind "
           "the last. x[none] does the same.",
    .signature = "x: any[...], axis: int -> any[...]",
    .define = define_unsqueeze,
    .samples = {"x: [N], axis: 0", "x: [N], axis: -1", "x: [B, 3], axis: 1",
                "x: [], axis: 0"},
    .infix = "[none]",
});

}  // namespace
}  // namespace lathe
