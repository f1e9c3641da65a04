#include "codegen/lower_rows.h"

#include <doctest/doctest.h>

#include "codegen/loop_ir.h"
#include "tests/support/codegen_text.h"

namespace lathe {
namespace {

// sum over k of in0[i, k] * scale[i], where the scale is a stage that is read
// at every k although it does not depend on it.
Group group_with_scalar_in_row() {
  Group group;
  Dim rows = Dim::symbol("n0");
  group.operands = {{DType::kFloat32, {rows, 100}}, {DType::kFloat32, {rows}}};
  group.symbols = {"n0"};
  group.row_axes = 1;
  Var i = make_var("i0"), j = make_var("i1"), r = make_var("i0");
  Var k = make_var("k0");
  Stage repeated;
  repeated.name = "repeated";
  repeated.shape = {rows, 100};
  repeated.axes = {i, j};
  repeated.kind = Compute{exp(load(1, DType::kFloat32, {var(i)}))};
  Stage total;
  total.name = "total";
  total.shape = {rows};
  total.axes = {r};
  Expr x = load(0, DType::kFloat32, {var(r), var(k)});
  Expr scale = load(2, DType::kFloat32, {var(r), var(k)});
  total.kind = Compute{reduce(ReduceOp::kSum, {{k, 100}}, x * scale)};
  group.definition.inputs = 2;
  group.definition.stages = {repeated, total};
  group.definition.outputs = {1};
  return group;
}

}  // namespace

TEST_CASE("lower rows: a number in a vector loop is bound once a vector") {
  LoweredGroup lowered = lower_rows(group_with_scalar_in_row(),
                                    target_preset("avx2"), Vectors::kYes);
  CHECK_NOTHROW(verify(lowered.kernel));
  std::string text = to_string(lowered.kernel);
  CHECK_NE(text.find("step 32"), std::string::npos);
  CHECK_EQ(lowered.items.to_string(), "n0");
}

TEST_CASE("lower rows: a long row is kept where its result will stand") {
  const std::string text = kernels_of(
      "inputs: {x: 'float32[B, T]'}\nbody: ['y = softmax(x)']\n");
  // Exponentials go to the output with their sum; the last loop divides them.
  const size_t last_loop = text.rfind("for (");
  CHECK_LT(text.rfind("exp_("), last_loop);
  CHECK_NE(text.find("= out0[", last_loop), std::string::npos);
  // Narrow outputs would round what is kept, so it is computed again.
  const std::string narrow = kernels_of(
      "inputs: {x: 'bfloat16[B, T]'}\nbody: ['y = softmax(x)']\n");
  CHECK_GT(narrow.rfind("exp_("), narrow.rfind("for ("));
}

TEST_CASE("lower rows: bytes on a row of any length are not kept on the stack") {
  const std::string text = kernels_of(
      "inputs: {x: 'float32[B, T]'}\n"
      "body: ['m = cast(exp(x), int8)', 'y = m - max(m)']\n");
  CHECK_NE(text.find("out0["), std::string::npos);
}

TEST_CASE("lower rows: a choice between narrow floats moves their bits") {
  const std::string head =
      "inputs: {c: 'bool[N]', a: 'bfloat16[N]', b: 'bfloat16[N]'}\n";
  const std::string chosen = kernels_of(head + "body: ['y = where(c, a, b)']\n");
  CHECK_NE(chosen.find("] != 0 ? in1["), std::string::npos);
  const size_t kernel = chosen.find("extern \"C\"");
  CHECK_EQ(chosen.find("load_bf16(", kernel), std::string::npos);
  CHECK_EQ(chosen.find("store_bf16(", kernel), std::string::npos);
  // One that is computed with is not moved.
  const std::string summed =
      kernels_of(head + "body: ['y = where(c, a, b) + a']\n");
  CHECK_NE(summed.find("load_bf16(", summed.find("extern \"C\"")),
           std::string::npos);
}

}  // namespace lathe
