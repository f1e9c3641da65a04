// Pooling over windows of images x [N, H, W, C].

#include <cmath>

#include "interpreter/op_builder.h"
#include "spec/text.h"

namespace lathe {
namespace {

// The windows along one of the two image axes.
struct Windows {
  Dim size;  // of x along the axis
  int64_t kernel = 1, stride = 1, dilation = 1, padding = 0;
  Dim count;  // of windows
  ReduceAxis tap;

  // Extent of one window, holes of the dilation included.
  int64_t reach() const { return dilation * (kernel - 1) + 1; }

  // The place in x of the tap in window `window`, maybe in the padding.
  Expr place(const Expr& window) const {
    return window * int_literal(stride) + var(tap.var) * int_literal(dilation) -
           int_literal(padding);
  }

  // Whether a place lies in x, or in x with `border` elements around it.
  Expr inside(const Expr& place, int64_t border) const {
    return int_literal(-border) <= place && place < size_of(size + border);
  }

  // Whether every tap lies in x: no test is needed.
  bool never_outside(bool ceil_mode) const {
    return padding == 0 && !ceil_mode;
  }
};

// One number, or one for each image axis.
int64_t pair_item(const OpBuilder& b, const char* name, int which,
                  int64_t least) {
  const std::vector<int64_t> values = b.integers(name);
  if (values.size() != 1 && values.size() != 2) {
    b.fail("L0320", cat({"`", b.op_name(), "` wants one or two numbers for `",
                         name, "`"}),
           name);
  }
  const int64_t value = values.size() == 1 ? values[0] : values[which];
  if (value < least) {
    b.fail("L0408", cat({"`", b.op_name(), "` wants ", name, " of at least ",
                         least, " and gets ", value}),
           name);
  }
  return value;
}

Windows windows_of(OpBuilder& b, const Operand& x, int which) {
  Windows w;
  const int axis = 1 + which;
  w.size = x.shape[axis];
  w.kernel = pair_item(b, "kernel", which, 1);
  w.stride = pair_item(b, "stride", which, 1);
  w.dilation = pair_item(b, "dilation", which, 1);
  w.padding = pair_item(b, "padding", which, 0);
  if (2 * w.padding > w.reach()) {
    b.fail("L0408", cat({"`", b.op_name(), "` wants padding of at most half ",
                         "the window of ", w.reach(), " and gets ",
                         w.padding}),
           "padding");
  }
  const Dim room = w.size + 2 * w.padding - w.reach();
  b.require_equal(max(room, 0), room, "L0407",
                  cat({"`", b.op_name(), "` has windows of ", w.reach(),
                       " along axis ", axis, ", which has ",
                       (w.size + 2 * w.padding).to_string(),
                       " with its padding"}));
  w.count = floordiv(room, w.stride) + 1;
  if (b.flag("ceil_mode")) {
    // A window that would begin behind x is left out, as in PyTorch.
    w.count = min(ceildiv(room, w.stride),
                  floordiv(w.size + w.padding - 1, w.stride)) + 1;
  }
  w.tap = b.reduce_axis(which == 0 ? "kh" : "kw", w.kernel);
  return w;
}

struct Pooling {
  Operand x;
  Windows rows, columns;

  Shape shape() const {
    return {x.shape[0], rows.count, columns.count, x.shape[3]};
  }

  // The element under the taps, `outside` where there is none.
  Expr element(const Index& i, const Expr& outside, bool ceil_mode) const {
    const Expr row = rows.place(i[1]);
    const Expr column = columns.place(i[2]);
    Expr inside = literal(true);
    if (!rows.never_outside(ceil_mode)) inside = rows.inside(row, 0);
    if (!columns.never_outside(ceil_mode)) {
      inside = inside && columns.inside(column, 0);
    }
    return select(inside, x({i[0], row, column, i[3]}), outside);
  }
};

Pooling pooling_of(OpBuilder& b) {
  Pooling pooling;
  pooling.x = b.tensor("x");
  if (pooling.x.rank() != 4) {
    b.fail("L0405", cat({"`", b.op_name(), "` wants x [N, H, W, C], and gets ",
                         pooling.x.rank(),
                         pooling.x.rank() == 1 ? " axis" : " axes"}),
           "x");
  }
  pooling.rows = windows_of(b, pooling.x, 0);
  pooling.columns = windows_of(b, pooling.x, 1);
  return pooling;
}

void define_max_pool(OpBuilder& b) {
  const Pooling p = pooling_of(b);
  const bool ceil_mode = b.flag("ceil_mode");
  const NumType type = p.x.num_type();
  const Expr lowest = type == NumType::kInt64
                          ? int_literal(lowest_int(p.x.dtype))
                          : float_literal(-HUGE_VAL, type);
  b.stage(b.op_name(), p.x.dtype, p.shape(), [&](const Index& i) {
    return reduce(ReduceOp::kMax, {p.rows.tap, p.columns.tap},
                  p.element(i, lowest, ceil_mode));
  });
}

// How many taps of a window count: all, those in x and its padding, or those
// in x alone.
Expr tap_count(const OpBuilder& b, const Windows& w, const Expr& window,
               NumType type) {
  const bool ceil_mode = b.flag("ceil_mode");
  const bool boundary = b.flag("count_boundary");
  if (w.never_outside(ceil_mode) || (boundary && !ceil_mode)) {
    return float_literal(static_cast<double>(w.kernel), type);
  }
  const Expr inside = w.inside(w.place(window), boundary ? w.padding : 0);
  return reduce(ReduceOp::kSum, {w.tap}, convert(type, inside));
}

void define_avg_pool(OpBuilder& b) {
  const Pooling p = pooling_of(b);
  const bool ceil_mode = b.flag("ceil_mode");
  const NumType type = p.x.num_type();
  b.stage(b.op_name(), p.x.dtype, p.shape(), [&](const Index& i) {
    const Expr sum = reduce(ReduceOp::kSum, {p.rows.tap, p.columns.tap},
                            p.element(i, float_literal(0, type), ceil_mode));
    return sum / (tap_count(b, p.rows, i[1], type) *
                  tap_count(b, p.columns, i[2], type));
  });
}

const std::string kWindowParams =
    "kernel: ints, stride: ints = 1, dilation: ints = 1, padding: ints = 0, "
    "ceil_mode: bool = false";

const RegisterOp kMaxPool({
    .name = "max_pool2d",
    .doc = "The maximum over windows of images x [N, H, W, C].\n"
           "kernel, stride, dilation and padding are one number or [rows, "
           "columns]. Padding never wins. ceil_mode adds a window for the "
           "rest, unless it would begin behind the image.",
    .signature = "x: number[N, H, W, C], " + kWindowParams +
                 " -> number[N, H2, W2, C]",
    .define = define_max_pool,
    .samples = {"x: [B, 5, 6, 3], kernel: 2",
                "x: [1, 7, P, 2], kernel: 3, stride: 2, padding: 1",
                "x: [2, 6, 7, 1], kernel: [3, 2], stride: [2, 3], "
                "ceil_mode: true",
                "x: [1, 9, 9, 2], kernel: 3, dilation: 2, padding: 2"},
});

const RegisterOp kAvgPool({
    .name = "avg_pool2d",
    .doc = "The mean over windows of images x [N, H, W, C].\n"
           "kernel, stride, dilation and padding are one number or [rows, "
           "columns]. count_boundary counts padding as zeros; without it the "
           "mean is over elements of x alone. ceil_mode adds a window for "
           "the rest, unless it would begin behind the image.",
    .signature = "x: float[N, H, W, C], " + kWindowParams +
                 ", count_boundary: bool = true -> float[N, H2, W2, C]",
    .define = define_avg_pool,
    .samples = {"x: [B, 5, 6, 3], kernel: 2",
                "x: [1, 7, P, 2], kernel: 3, stride: 2, padding: 1",
                "x: [2, 6, 7, 1], kernel: 3, stride: 2, padding: 1, "
                "ceil_mode: true, count_boundary: false",
                "x: [1, 6, 7, 2], kernel: [3, 2], stride: 2, padding: [1, 0], "
                "ceil_mode: true"},
});

}  // namespace
}  // namespace lathe
