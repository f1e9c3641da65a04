#include "interpreter/expr.h"

#include <doctest/doctest.h>

#include "spec/check.h"

namespace lathe {
namespace {

const Var kI = make_var("i");
const Var kJ = make_var("j");
const Expr at_i = var(kI);
const Expr at_j = var(kJ);

Expr x() { return load(0, DType::kFloat32, {at_i, at_j}); }

}  // namespace

TEST_CASE("expressions: print as they are written") {
  const Var k = make_var("k");
  const Expr product =
      reduce(ReduceOp::kSum, {{k, 64}},
             load(0, DType::kFloat32, {at_i, var(k)}) *
                 load(1, DType::kFloat32, {at_j, var(k)}));
  CHECK_EQ(to_string(product), "sum(k < 64, in0[i, k] * in1[j, k])");
  CHECK_EQ(to_string((at_i + 1) * 2 - at_j), "(i + 1) * 2 - j");
  CHECK_EQ(to_string(at_i - (at_j - 1)), "i - (j - 1)");
  CHECK_EQ(to_string(select(at_i < at_j, x(), 0)),
           "select(i < j, in0[i, j], 0.0)");
  CHECK_EQ(to_string(cast(DType::kBFloat16, x())),
           "cast(in0[i, j], bfloat16)");
  CHECK_EQ(to_string(size_of(Dim::symbol("T") + 1) * at_i), "(T + 1) * i");
}

TEST_CASE("expressions: weak literals take the type beside them") {
  CHECK((x() * 2)->type == NumType::kFloat32);
  CHECK((load(0, DType::kFloat64, {at_i}) * 0.1)->type == NumType::kFloat64);
  CHECK_EQ(to_string(load(0, DType::kFloat64, {at_i}) * 0.1), "in0[i] * 0.1");
  CHECK_THROWS_AS(at_i * 0.5, InternalError);
  CHECK_THROWS_AS(x() + load(0, DType::kFloat64, {at_i}), InternalError);
}

TEST_CASE("expressions: trivial ones fold") {
  CHECK_EQ(to_string(x() + 0), "in0[i, j]");
  CHECK_EQ(to_string(x() * 1), "in0[i, j]");
  CHECK_EQ(to_string(at_i * 0), "0");
  CHECK_EQ(to_string(at_i % 1), "0");
  CHECK_EQ(to_string(Expr(2) + Expr(3)), "5");
  CHECK_EQ(to_string(Expr(7) / Expr(2)), "3");
  CHECK_EQ(to_string(Expr(7.0) / Expr(2)), "3.5");
  CHECK_EQ(to_string(select(literal(true), at_i, at_j)), "i");
  CHECK_EQ(to_string((at_i < at_j) && literal(true)), "i < j");
  CHECK_EQ(to_string(cast(DType::kFloat32, x())), "in0[i, j]");
}

TEST_CASE("expressions: a rewrite sees children first") {
  const Expr replaced = transform(x() * x(), [](const Expr& e) {
    const auto* ref = std::get_if<VarRef>(&e->node);
    return ref && ref->var == kI ? int_literal(3) : Expr();
  });
  CHECK_EQ(to_string(replaced), "in0[3, j] * in0[3, j]");
}

}  // namespace lathe
