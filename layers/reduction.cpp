// Reductions over axes, and running sums.

#include <algorithm>

#include "interpreter/op_builder.h"
#include "spec/text.h"

namespace lathe {
namespace {

// How a reduction runs over the axes of x: the shape with reduced axes as 1,
// and the index of x at an output index.
struct Reduction {
  std::vector<int> axes;
  Shape kept;  // keepdims shape
  std::vector<ReduceAxis> over;
  Dim count = 1;  // elements per result

  bool reduces(int axis) const {
    return std::binary_search(axes.begin(), axes.end(), axis);
  }
  Shape shape(bool keepdims) const {
    Shape result;
    for (size_t i = 0; i < kept.size(); ++i) {
      if (keepdims || !reduces(static_cast<int>(i))) {
        result.push_back(kept[i]);
      }
    }
    return result;
  }
  Index input_index(const Index& output, bool keepdims) const {
    Index index;
    size_t next_output = 0;
    size_t next_axis = 0;
    for (size_t i = 0; i < kept.size(); ++i) {
      const bool reduced = reduces(static_cast<int>(i));
      index.push_back(reduced ? var(over[next_axis++].var)
                              : output[next_output]);
      if (!reduced || keepdims) ++next_output;
    }
    return index;
  }
};

Reduction reduction_of(OpBuilder& b, const Operand& x) {
  Reduction reduction;
  reduction.axes = b.axes("axis", x.rank());
  reduction.kept = x.shape;
  for (int axis : reduction.axes) {
    reduction.over.push_back(
        b.reduce_axis("r" + std::to_string(axis), x.shape[axis]));
    reduction.count *= x.shape[axis];
    reduction.kept[axis] = 1;
  }
  if (reduction.axes.empty()) {
    b.fail("L0406", cat({"`", b.op_name(), "` gets no axis"}), "axis");
  }
  return reduction;
}

// A maximum of nothing does not exist.
void require_elements(OpBuilder& b, const Reduction& reduction) {
  b.require_equal(max(reduction.count, 1), reduction.count, "L0407",
                  cat({"`", b.op_name(), "` reduces an axis of size 0"}));
}

// value[...] = finish(op over the axes of x).
void define_reduction(OpBuilder& b, ReduceOp op, DType dtype,
                      const std::function<Expr(const Expr&)>& finish) {
  const Operand x = b.tensor("x");
  const Reduction reduction = reduction_of(b, x);
  const bool keepdims = b.flag("keepdims");
  if (op != ReduceOp::kSum && op != ReduceOp::kProd) {
    require_elements(b, reduction);
  }
  b.stage(b.op_name(), dtype, reduction.shape(keepdims),
          [&](const Index& i) {
            const Expr element = x(reduction.input_index(i, keepdims));
            return finish(reduce(op, reduction.over, element));
          });
}

Expr unchanged(const Expr& value) { return value; }

OpDef reduction_op(const char* name, const char* doc, ReduceOp op) {
  return {.name = name,
          .doc = doc,
          .signature = "x: number[...], axis: ints = -1, "
                       "keepdims: bool = true -> number[...]",
          .define =
              [op](OpBuilder& b) {
                define_reduction(b, op, b.tensor("x").dtype, unchanged);
              },
          .samples = {"x: [N]", "x: [3, N]", "x: [N, 3], axis: 0",
                      "x: [2, 3, 4], axis: [0, 2]", "x: [9, 4].T",
                      "x: [B, 17], keepdims: false",
                      "x: [3, 5, 2], axis: -2, keepdims: false"}};
}

// max and min: of two tensors element by element, of one along axes.
OpDef extremum_op(const char* name, const char* doc, ReduceOp reduce_op,
                  ScalarOp scalar_op) {
  const auto define = [=](OpBuilder& b) {
    const Operand x = b.tensor("x");
    if (!b.has("y")) {
      return define_reduction(b, reduce_op, x.dtype, unchanged);
    }
    for (const char* param : {"axis", "keepdims"}) {
      if (!b.written(param)) continue;
      b.fail("L0320",
             cat({"`", b.op_name(), "` of two tensors is element by element, "
                  "and takes no `", param, "`"}),
             param, cat({"reduce one of them, then take the ", b.op_name()}));
    }
    b.map(b.op_name(), {x, b.tensor("y")},
          [&](const std::vector<Expr>& a) { return call(scalar_op, a); });
  };
  return {.name = name,
          .doc = doc,
          .signature = "x: number[...], y: number[...]?, axis: ints = -1, "
                       "keepdims: bool = true -> number[...]",
          .define = define,
          .samples = {"x: [P]", "x: [3, P]", "x: [P, 3], axis: 0",
                      "x: [2, 3, 4], axis: [0, 2]", "x: [9, 4].T",
                      "x: [B, 17], keepdims: false", "x: [N], y: [N]",
                      "x: [3, 1], y: [4]", "x: [N], y: 1"}};
}

OpDef position_op(const char* name, const char* doc, ReduceOp op) {
  return {.name = name,
          .doc = doc,
          .signature = "x: number[...], axis: int = -1, "
                       "keepdims: bool = true -> int64[...]",
          .define =
              [op](OpBuilder& b) {
                define_reduction(b, op, DType::kInt64, unchanged);
              },
          .samples = {"x: [P]", "x: [3, P]", "x: [P, 3], axis: 0",
                      "x: [B, 17], keepdims: false", "x: [9, 4].T"}};
}

// Integers are averaged exactly and truncated towards zero.
void define_mean(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const Reduction reduction = reduction_of(b, x);
  const Dim count = reduction.count;
  define_reduction(b, ReduceOp::kSum, x.dtype, [&](const Expr& sum) -> Expr {
    if (sum->type == NumType::kInt64) {
      const Expr divisor = size_of(count);
      const Expr magnitude = call(ScalarOp::kAbs, {sum}) / divisor;
      return select(sum < 0, -magnitude, magnitude);
    }
    return sum / convert(sum->type, size_of(count));
  });
}

const RegisterOp kReductions[] = {
    RegisterOp(reduction_op(
        "sum",
        "The sum over an axis or a list of axes; 0 of nothing.\n"
        "Narrow floats are summed in float32 and rounded once.",
        ReduceOp::kSum)),
    RegisterOp(reduction_op(
        "prod", "The product over an axis or a list of axes; 1 of nothing.",
        ReduceOp::kProd)),
    RegisterOp(extremum_op(
        "max",
        "The largest element over an axis or a list of axes, or the larger "
        "of two tensors.\n"
        "max(x, y) works element by element; the axis of max(x, axis=0) has "
        "to be named. NaN wins.",
        ReduceOp::kMax, ScalarOp::kMax)),
    RegisterOp(extremum_op(
        "min",
        "The smallest element over an axis or a list of axes, or the smaller "
        "of two tensors.\n"
        "min(x, y) works element by element; the axis of min(x, axis=0) has "
        "to be named. NaN wins.",
        ReduceOp::kMin, ScalarOp::kMin)),
    RegisterOp(position_op(
        "argmax",
        "The position of the largest element along an axis, the first of "
        "equals. NaN counts as the largest.",
        ReduceOp::kArgMax)),
    RegisterOp(position_op(
        "argmin",
        "The position of the smallest element along an axis, the first of "
        "equals. NaN counts as the smallest.",
        ReduceOp::kArgMin)),
};

const RegisterOp kMean({
    .name = "mean",
    .doc = "The mean over an axis or a list of axes; NaN of nothing.\n"
           "The mean of integers is an integer, truncated towards 0.",
    .signature = "x: number[...], axis: ints = -1, keepdims: bool = true "
                 "-> number[...]",
    .define = define_mean,
    .samples = {"x: [N]", "x: [3, N]", "x: [N, 3], axis: 0",
                "x: [2, 3, 4], axis: [0, 2]", "x: [9, 4].T",
                "x: [B, 17], keepdims: false"},
});

void define_cumsum(OpBuilder& b) {
  const Operand x = b.tensor("x");
  Stage stage{b.op_name(), x.dtype, x.shape, b.make_axes(x.rank()), {}};
  Scan scan;
  scan.axis = b.axis("axis", x.rank());
  scan.body = x(to_index(stage.axes));
  scan.exclusive = b.flag("exclusive");
  scan.reverse = b.flag("reverse");
  stage.kind = scan;
  b.stage(std::move(stage));
}

const RegisterOp kCumsum({
    .name = "cumsum",
    .doc = "Running sums along an axis.\n"
           "exclusive: element i is the sum of those before it; reverse: "
           "from the end.",
    .signature = "x: number[*s], axis: int = -1, exclusive: bool = false, "
                 "reverse: bool = false -> number[*s]",
    .define = define_cumsum,
    .samples = {"x: [N]", "x: [3, N]", "x: [N, 3], axis: 0",
                "x: [4, 9], exclusive: true", "x: [4, 9], reverse: true",
                "x: [7, 2], axis: 0, exclusive: true, reverse: true",
                "x: [9, 4].T"},
});

}  // namespace
}  // namespace lathe
