// Softmax and the normalisations, as named stages in linear work. Stages
// before the last are kept in the type that is computed in: float32, or
// float64 for float64.

#include "interpreter/op_builder.h"
#include "spec/text.h"

namespace lathe {
namespace {

Index without(Index index, int axis) {
  index.erase(index.begin() + axis);
  return index;
}

Shape without(Shape shape, int axis) {
  shape.erase(shape.begin() + axis);
  return shape;
}

Index with(Index index, int axis, const Expr& value) {
  index.insert(index.begin() + axis, value);
  return index;
}

// A stage with one value for each row of x along `axis`.
Operand row_stage(OpBuilder& b, const char* name, const Operand& x, int axis,
                  const std::function<Expr(const Index& row, const Expr& r,
                                           const ReduceAxis& over)>& body) {
  const ReduceAxis over = b.reduce_axis("r", x.shape[axis]);
  return b.stage(name, storage_type(x.num_type()), without(x.shape, axis),
                 [&](const Index& row) {
                   return body(row, var(over.var), over);
                 });
}

Operand row_max(OpBuilder& b, const Operand& x, int axis) {
  return row_stage(b, "row_max", x, axis,
                   [&](const Index& row, const Expr& r,
                       const ReduceAxis& over) {
                     return reduce(ReduceOp::kMax, {over},
                                   x(with(row, axis, r)));
                   });
}

void define_softmax(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const int axis = b.axis("axis", x.rank());
  const Operand highest = row_max(b, x, axis);
  const Operand exponential =
      b.stage("exponential", storage_type(x.num_type()), x.shape,
              [&](const Index& i) {
                return exp(x(i) - highest(without(i, axis)));
              });
  const Operand sum = row_stage(
      b, "row_sum", x, axis,
      [&](const Index& row, const Expr& r, const ReduceAxis& over) {
        return reduce(ReduceOp::kSum, {over},
                      exponential(with(row, axis, r)));
      });
  b.stage(b.op_name(), x.dtype, x.shape, [&](const Index& i) {
    return exponential(i) / sum(without(i, axis));
  });
}

const RegisterOp kSoftmax({
    .name = "softmax",
    .doc = "exp(x - max) / sum(exp(x - max)) along an axis, in float32.\n"
           "-inf gives 0; a row of nothing but -inf gives NaN, as in PyTorch.",
    .signature = "x: float[*s], axis: int = -1 -> float[*s]",
    .define = define_softmax,
    .samples = {"x: [N]", "x: [B, 17]", "x: [3, N]", "x: [N, 3], axis: 0",
                "x: [2, 3, 4], axis: 1", "x: [9, 4].T"},
});

void define_log_softmax(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const int axis = b.axis("axis", x.rank());
  const Operand highest = row_max(b, x, axis);
  const Operand sum = row_stage(
      b, "row_sum", x, axis,
      [&](const Index& row, const Expr& r, const ReduceAxis& over) {
        return reduce(ReduceOp::kSum, {over},
                      exp(x(with(row, axis, r)) - highest(row)));
      });
  b.stage(b.op_name(), x.dtype, x.shape, [&](const Index& i) {
    const Index row = without(i, axis);
    return x(i) - highest(row) - log(sum(row));
  });
}

const RegisterOp kLogSoftmax({
    .name = "log_softmax",
    .doc = "x - max - log(sum(exp(x - max))) along an axis, in float32.",
    .signature = "x: float[*s], axis: int = -1 -> float[*s]",
    .define = define_log_softmax,
    .samples = {"x: [N]", "x: [B, 17]", "x: [N, 3], axis: 0"},
});

void require_positive_epsilon(const OpBuilder& b) {
  if (b.number("epsilon") > 0) return;
  b.fail("L0408", cat({"`", b.op_name(), "` wants epsilon above 0"}),
         "epsilon");
}

// A per-feature operand: a vector as long as an axis of x.
Operand feature_vector(OpBuilder& b, const char* name, const Dim& size) {
  const Operand vector = b.tensor(name);
  if (vector.slot < 0) return vector;
  const std::string message =
      cat({"`", b.op_name(), "` wants ", name, " of shape [",
           size.to_string(), "] and gets ", to_string(vector.shape)});
  if (vector.rank() != 1) b.fail("L0405", message, name);
  b.require_equal(vector.shape[0], size, "L0402", message);
  return vector;
}

// value * gamma + beta for those of the two that are given.
Expr scaled_and_shifted(const OpBuilder& b, Expr value, const Operand& gamma,
                        const Operand& beta, const Expr& feature) {
  const NumType type = value->type;
  if (b.has("gamma")) value = value * convert(type, gamma({feature}));
  if (b.has("beta")) value = value + convert(type, beta({feature}));
  return value;
}

void require_axes(const OpBuilder& b, const Operand& x, int least) {
  if (x.rank() >= least) return;
  b.fail("L0405", cat({"`", b.op_name(), "` wants x to have at least ", least,
                       least == 1 ? " axis" : " axes", ", and gets ",
                       x.rank()}),
         "x");
}

void define_layer_norm(OpBuilder& b) {
  const Operand x = b.tensor("x");
  require_axes(b, x, 1);
  require_positive_epsilon(b);
  const int axis = x.rank() - 1;
  const Dim& size = x.shape.back();
  const Operand gamma =
      b.has("gamma") ? feature_vector(b, "gamma", size) : Operand();
  const Operand beta =
      b.has("beta") ? feature_vector(b, "beta", size) : Operand();
  const Expr count = convert(x.num_type(), size_of(size));
  const Operand mean = row_stage(
      b, "mean", x, axis,
      [&](const Index& row, const Expr& r, const ReduceAxis& over) {
        return reduce(ReduceOp::kSum, {over}, x(with(row, axis, r))) / count;
      });
  const Operand variance = row_stage(
      b, "variance", x, axis,
      [&](const Index& row, const Expr& r, const ReduceAxis& over) {
        const Expr centered = x(with(row, axis, r)) - mean(row);
        return reduce(ReduceOp::kSum, {over}, centered * centered) / count;
      });
  b.stage(b.op_name(), x.dtype, x.shape, [&](const Index& i) {
    const Index row = without(i, axis);
    const Expr value =
        (x(i) - mean(row)) * rsqrt(variance(row) + b.number("epsilon"));
    return scaled_and_shifted(b, value, gamma, beta, i.back());
  });
}

const RegisterOp kLayerNorm({
    .name = "layer_norm",
    .doc = "(x - mean) / sqrt(variance + epsilon) * gamma + beta over the last "
           "axis (Ba et al., 2016).\n"
           "The variance is the biased one. Computed in float32, rounded once "
           "to the dtype of x.",
    .signature = "x: float[..., D], gamma: float[D]?, beta: float[D]?, "
                 "epsilon: float = 1e-5 -> float[..., D]",
    .define = define_layer_norm,
    .samples = {"x: [N, 8], gamma: [8], beta: [8]", "x: [3, P]",
                "x: [B, 2, 17], gamma: [17]", "x: [9, 4].T, gamma: [9]"},
});

void define_rms_norm(OpBuilder& b) {
  const Operand x = b.tensor("x");
  require_axes(b, x, 1);
  require_positive_epsilon(b);
  const int axis = x.rank() - 1;
  const Dim& size = x.shape.back();
  const Operand weight = feature_vector(b, "weight", size);
  const double offset = b.number("weight_offset");
  const bool round_last = b.flag("multiply_before_cast");
  const Operand mean_square = row_stage(
      b, "mean_square", x, axis,
      [&](const Index& row, const Expr& r, const ReduceAxis& over) {
        const Expr value = x(with(row, axis, r));
        return reduce(ReduceOp::kSum, {over}, value * value) /
               convert(x.num_type(), size_of(size));
      });
  b.stage(b.op_name(), x.dtype, x.shape, [&](const Index& i) {
    const Expr value =
        x(i) *
        rsqrt(mean_square(without(i, axis)) + b.number("epsilon"));
    const Expr w = cast(x.dtype, weight({i.back()}));
    if (round_last) return value * (w + offset);
    return cast(x.dtype, value) * cast(x.dtype, w + offset);
  });
}

const RegisterOp kRmsNorm({
    .name = "rms_norm",
    .doc = "x / sqrt(mean(x^2) + epsilon) * (weight + weight_offset) over the "
           "last axis (Zhang and Sennrich, 2019).\n"
           "The mean is taken in float32. multiply_before_cast: true rounds "
           "once, after the weight (Gemma); false rounds before it, too "
           "(Llama).",
    .signature = "x: float[..., D], weight: float[D], epsilon: float = 1e-6, "
                 "weight_offset: float = 0, "
                 "multiply_before_cast: bool = false -> float[..., D]",
    .define = define_rms_norm,
    .samples = {"x: [N, 8], weight: [8]", "x: [3, P], weight: [P]",
                "x: [B, 2, 17], weight: [17], weight_offset: 1, "
                "multiply_before_cast: true",
                "x: [9, 4].T, weight: [9]"},
});

// What a group norm sums over: channels of one group, and all further axes.
struct GroupAxes {
  Dim size;  // channels per group
  std::vector<ReduceAxis> over;
  Dim count = 1;  // elements per group

  Index index(const Expr& n, const Expr& group) const {
    Index result = {n, group * size_of(size) + var(over[0].var)};
    for (size_t d = 1; d < over.size(); ++d) {
      result.push_back(var(over[d].var));
    }
    return result;
  }
};

GroupAxes group_axes(OpBuilder& b, const Operand& x, const Dim& groups) {
  GroupAxes axes;
  axes.size = floordiv(x.shape[1], groups);
  for (int d = 1; d < x.rank(); ++d) {
    const Dim& extent = d == 1 ? axes.size : x.shape[d];
    axes.over.push_back(b.reduce_axis("r" + std::to_string(d), extent));
    axes.count *= extent;
  }
  return axes;
}

void define_group_norm(OpBuilder& b) {
  const Operand x = b.tensor("x");
  require_axes(b, x, 2);
  require_positive_epsilon(b);
  const Dim groups = b.dim("num_groups");
  const Dim& channels = x.shape[1];
  if (provably_less(groups, 1)) {
    b.fail("L0408", "`group_norm` gets num_groups " + groups.to_string(),
           "num_groups");
  }
  b.require_multiple(channels, groups, "L0407",
                     cat({"`group_norm` cannot divide ", channels.to_string(),
                          " channels into ", groups.to_string(), " groups"}));
  const Operand gamma =
      b.has("gamma") ? feature_vector(b, "gamma", channels) : Operand();
  const Operand beta =
      b.has("beta") ? feature_vector(b, "beta", channels) : Operand();
  const GroupAxes axes = group_axes(b, x, groups);
  const DType exact = storage_type(x.num_type());
  const Expr count = convert(x.num_type(), size_of(axes.count));
  const Shape shape = {x.shape[0], groups};
  const Operand mean = b.stage("mean", exact, shape, [&](const Index& i) {
    return reduce(ReduceOp::kSum, axes.over, x(axes.index(i[0], i[1]))) /
           count;
  });
  const Operand variance =
      b.stage("variance", exact, shape, [&](const Index& i) {
        const Expr centered = x(axes.index(i[0], i[1])) - mean(i);
        return reduce(ReduceOp::kSum, axes.over, centered * centered) / count;
      });
  b.stage(b.op_name(), x.dtype, x.shape, [&](const Index& i) {
    const Index group = {i[0], i[1] / size_of(axes.size)};
    const Expr value =
        (x(i) - mean(group)) * rsqrt(variance(group) + b.number("epsilon"));
    return scaled_and_shifted(b, value, gamma, beta, i[1]);
  });
}

const RegisterOp kGroupNorm({
    .name = "group_norm",
    .doc = "Normalises groups of channels of x [N, C, ...] over C / num_groups "
           "channels and all further axes (Wu and He, 2018); gamma and beta "
           "are per channel.\n"
           "Computed in float32, rounded once to the dtype of x.",
    .signature = "x: float[N, C, ...], gamma: float[C]?, beta: float[C]?, "
                 "num_groups: int, epsilon: float = 1e-5 -> float[N, C, ...]",
    .define = define_group_norm,
    .samples = {"x: [N, 6], num_groups: 3",
                "x: [2, 6, 3, B], gamma: [6], beta: [6], num_groups: 2",
                "x: [2, 4, 5], gamma: [4], num_groups: 4"},
});

}  // namespace
}  // namespace lathe
