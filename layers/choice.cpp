// where, clamp and cast.

#include <limits>

#include "interpreter/op_builder.h"

namespace lathe {
namespace {

const RegisterOp kWhere({
    .name = "where",
    .doc = "x where the condition is true, else y. The other side's NaN does "
           "no harm.",
    .signature = "condition: bool[*s], x: any[*t], y: any[*u] "
                 "-> any[*broadcast(s, t, u)]",
    .map = [](const std::vector<Expr>& a) { return select(a[0], a[1], a[2]); },
    .samples = {"condition: [N], x: [N], y: [N]",
                "condition: [3, 1], x: [1, 5], y: 0",
                "condition: [B, 4], x: 1, y: [4]"},
});

void define_clamp(OpBuilder& b) {
  std::vector<Operand> operands = {b.tensor("x")};
  const bool low = b.has("min");
  const bool high = b.has("max");
  if (low) operands.push_back(b.tensor("min"));
  if (high) operands.push_back(b.tensor("max"));
  b.map(b.op_name(), operands, [&](const std::vector<Expr>& args) {
    Expr value = args[0];
    if (low) value = max(value, args[1]);
    if (high) value = min(value, args.back());
    return value;
  });
}

const RegisterOp kClamp({
    .name = "clamp",
    .doc = "min(max(x, min), max); either bound may be left out.\n"
           "NaN stays NaN. Where min > max the result is max, as in PyTorch.",
    .signature = "x: number[*s], min: number[*t]?, max: number[*u]? "
                 "-> number[*broadcast(s, t, u)]",
    .define = define_clamp,
    .samples = {"x: [N], min: 1, max: 2", "x: [N], min: 0",
                "x: [3, 5], max: [5]", "x: [4]"},
});

constexpr double kTwoTo31 = 2147483648.0;

void define_cast(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const DType dtype = b.dtype("dtype");
  b.stage(b.op_name(), dtype, x.shape, [&](const Index& i) {
    const Expr value = x(i);
    const Expr whole = cast(dtype, value);
    if (dtype != DType::kInt32 || !is_float(x.dtype)) return whole;
    // As the conversion of CPUs has it, and so PyTorch; wider and narrower
    // integers come out so by themselves.
    return select(value >= -kTwoTo31 && value < kTwoTo31, whole,
                  int_literal(std::numeric_limits<int32_t>::min()));
  });
}

const RegisterOp kCast({
    .name = "cast",
    .doc = "x with another dtype.\n"
           "Floats are rounded to nearest, halves to even; float8_e4m3fn "
           "saturates at 448, wider types overflow to infinity. Floats to "
           "integers drop the fraction; those that int32 or int64 cannot hold, "
           "and NaN, give its lowest. Narrower integers wrap. To bool: "
           "x != 0.",
    .signature = "x: any[*s], dtype: dtype -> any[*s]",
    .define = define_cast,
    .samples = {"x: [N], dtype: float32", "x: [N], dtype: bfloat16",
                "x: [N], dtype: float16", "x: [N], dtype: int64",
                "x: [N], dtype: int8", "x: [N], dtype: bool",
                "x: [N], dtype: float64", "x: [N], dtype: float8_e4m3fn",
                "x: [5, 3].T, dtype: int32"},
});

}  // namespace
}  // namespace lathe
