// Sorting, and tensors made from positions alone.

#include <cmath>

#include "interpreter/op_builder.h"
#include "spec/text.h"

namespace lathe {
namespace {

// The positions of the first `count` elements of x in order along `axis`.
Operand sorted_positions(OpBuilder& b, const std::string& name,
                         const Operand& x, int axis, const Dim& count,
                         bool descending) {
  Stage stage{name, DType::kInt64, x.shape, b.make_axes(x.rank()), {}};
  stage.shape[axis] = count;
  Sort sort;
  sort.key = x(to_index(stage.axes));
  sort.axis = axis;
  sort.extent = x.shape[axis];
  sort.descending = descending;
  stage.kind = sort;
  return b.stage(std::move(stage));
}

void define_top_k(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const int axis = b.axis("axis", x.rank());
  const Dim k = b.dim("k");
  if (provably_less(k, 0)) {
    b.fail("L0408", "`top_k` gets the count " + k.to_string(), "k");
  }
  const Dim& size = x.shape[axis];
  b.require_equal(max(k, size), size, "L0408",
                  cat({"`top_k` wants ", k.to_string(), " elements of axis ",
                       axis, ", which has ", size.to_string()}));
  const Operand positions =
      sorted_positions(b, "positions", x, axis, k, b.flag("largest"));
  const Operand values =
      b.stage(b.op_name(), x.dtype, positions.shape, [&](Index i) {
        i[axis] = positions(i);
        return x(i);
      });
  b.output(values);
  b.output(positions);
}

const RegisterOp kTopK({
    .name = "top_k",
    .doc = "The k largest elements along an axis, largest first, and their "
           "int64 positions.\n"
           "Of equal elements the first comes first. NaN is the largest. "
           "largest: false gives the smallest, smallest first.",
    .signature = "x: number[...], k: int, axis: int = -1, "
                 "largest: bool = true -> number[...], int64[...]",
    .define = define_top_k,
    .samples = {"x: [3, 17], k: 5", "x: [9, N], k: 4, axis: 0",
                "x: [N], k: 0", "x: [8], k: 8, largest: false",
                "x: [9, 4].T, k: 2"},
});

void define_argsort(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const int axis = b.axis("axis", x.rank());
  sorted_positions(b, b.op_name(), x, axis, x.shape[axis],
                   b.has("ascending") ? !b.flag("ascending")
                                      : b.flag("descending"));
}

const RegisterOp kArgsort({
    .name = "argsort",
    .doc = "The int64 positions that put x in order along an axis.\n"
           "Stable: equal elements keep their order, whichever way it goes. "
           "NaN is the largest. `ascending` says the same as `descending`, "
           "the other way round.",
    .signature = "x: number[*s], axis: int = -1, descending: bool = false, "
                 "ascending: bool? -> int64[*s]",
    .define = define_argsort,
    .samples = {"x: [N]", "x: [3, 17], descending: true", "x: [5, 3], axis: 0",
                "x: [9], ascending: false"},
});

void define_band_part(OpBuilder& b) {
  const Operand x = b.tensor("x");
  if (x.rank() < 2) {
    b.fail("L0405", cat({"`band_part` wants at least 2 axes, and gets ",
                         x.rank()}),
           "x");
  }
  const bool exclude = b.flag("exclude");
  const auto width = [&](const char* name) -> std::optional<Dim> {
    if (!b.has(name) || provably_less(b.dim(name), 0)) return std::nullopt;
    return b.dim(name);
  };
  const std::optional<Dim> lower = width("num_lower");
  const std::optional<Dim> upper = width("num_upper");
  b.stage(b.op_name(), x.dtype, x.shape, [&](const Index& i) {
    const Expr below = i[i.size() - 2] - i.back();
    Expr keep = literal(true);
    if (lower) keep = keep && below <= size_of(*lower);
    if (upper) keep = keep && -below <= size_of(*upper);
    const Expr zero =
        is_bool(x.dtype) ? literal(false) : convert(x.num_type(), Expr(0));
    return exclude ? select(keep, zero, x(i)) : select(keep, x(i), zero);
  });
}

const RegisterOp kBandPart({
    .name = "band_part",
    .doc = "x with zeros outside a band around the diagonal of its last two "
           "axes.\n"
           "num_lower diagonals below the main one and num_upper above it "
           "stay; none or -1 keeps them all. exclude: true clears the band "
           "instead. band_part(x, num_upper=0) is the lower triangle.",
    .signature = "x: any[..., M, N], num_lower: int?, num_upper: int?, "
                 "exclude: bool = false -> any[..., M, N]",
    .define = define_band_part,
    .samples = {"x: [N, 5], num_upper: 0", "x: [B, 4, 4], num_lower: 1",
                "x: [5, 7], num_lower: 1, num_upper: 2, exclude: true"},
});

void define_one_hot(OpBuilder& b) {
  const Operand indices = b.tensor("indices");
  const Dim depth = b.dim("depth");
  const DType dtype = b.dtype("dtype");
  if (provably_less(depth, 0)) {
    b.fail("L0408", "`one_hot` gets the depth " + depth.to_string(), "depth");
  }
  Shape shape = indices.shape;
  shape.push_back(depth);
  b.stage(b.op_name(), dtype, shape, [&](const Index& i) {
    const Index at(i.begin(), i.end() - 1);
    const Expr hit = equal(b.checked(indices(at), depth), i.back());
    return convert(compute_type(dtype), hit);
  });
}

const RegisterOp kOneHot({
    .name = "one_hot",
    .doc = "1 where the new last axis, of size `depth`, is at the index, else "
           "0.\n"
           "Negative indices count from the end; others outside are an error.",
    .signature = "indices: int[*i], depth: int, dtype: dtype = int64 "
                 "-> any[*i, depth]",
    .define = define_one_hot,
    .samples = {"indices: int64[N] < 5, depth: 5",
                "indices: int32[2, 3] < 7, depth: 7, dtype: float32"},
});

// A number of `range`, exact where it is an integer.
struct RangeNumber {
  std::optional<Dim> integer;
  double value = 0;
};

RangeNumber range_number(const OpBuilder& b, const char* name) {
  const auto& value = b.argument(name).value;
  if (const Dim* dim = std::get_if<Dim>(&value)) {
    return {*dim, dim->is_static() ? static_cast<double>(dim->value()) : 0};
  }
  if (const double* number = std::get_if<double>(&value)) {
    return {std::nullopt, *number};
  }
  b.fail("L0320", cat({"`range` wants a number for `", name, "`"}), name);
}

Dim range_length(const Dim& start, const Dim& stop, int64_t step) {
  const Dim length = step > 0 ? ceildiv(stop - start, step)
                              : ceildiv(start - stop, -step);
  return max(length, 0);
}

void define_integer_range(OpBuilder& b, const Dim& start, const Dim& stop,
                          int64_t step) {
  const DType dtype = b.has("dtype") ? b.dtype("dtype") : DType::kInt64;
  b.stage(b.op_name(), dtype, {range_length(start, stop, step)},
          [&](const Index& i) {
            return convert(compute_type(dtype),
                           size_of(start) + i[0] * int_literal(step));
          });
}

void define_float_range(OpBuilder& b, double start, double stop, double step) {
  const DType dtype = b.has("dtype") ? b.dtype("dtype") : DType::kFloat32;
  const double length = std::ceil((stop - start) / step);
  if (!(length < 9e18)) b.fail("L0408", "`range` has no end");
  const Dim size = static_cast<int64_t>(std::max(length, 0.0));
  b.stage(b.op_name(), dtype, {size}, [&](const Index& i) {
    const NumType type = NumType::kFloat64;
    const Expr value = float_literal(start, type) +
                       convert(type, i[0]) * float_literal(step, type);
    return convert(compute_type(dtype), value);
  });
}

void define_range(OpBuilder& b) {
  RangeNumber start = range_number(b, "start");
  RangeNumber stop = start;
  const RangeNumber step = range_number(b, "step");
  if (b.has("stop")) {
    stop = range_number(b, "stop");
  } else {
    start = {Dim(0), 0};
  }
  if (step.integer && !step.integer->is_static()) {
    b.fail("L0408", "`range` wants a step known while building", "step");
  }
  if (step.value == 0) b.fail("L0408", "`range` gets a step of 0", "step");
  if (start.integer && stop.integer && step.integer) {
    return define_integer_range(b, *start.integer, *stop.integer,
                                step.integer->value());
  }
  define_float_range(b, start.value, stop.value, step.value);
}

const RegisterOp kRange({
    .name = "range",
    .doc = "start, start + step, ... before stop; range(n) starts at 0.\n"
           "Integers, which may be symbolic, give int64, others float32, "
           "unless dtype says otherwise.",
    .signature = "start: numbers, stop: numbers?, step: numbers = 1, "
                 "dtype: dtype? -> any[length]",
    .define = define_range,
    .samples = {"start: 0, stop: N", "start: 5", "start: 7, stop: 0, step: -2",
                "start: 0, stop: 1, step: 0.25, dtype: float32",
                "start: 2, stop: N, step: 3, dtype: float32"},
});

}  // namespace
}  // namespace lathe
