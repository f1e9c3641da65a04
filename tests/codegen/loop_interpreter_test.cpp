// The loops of kernels, without their text: op samples and all strategies,
// for targets that this machine need not have.

#include "tests/support/loop_interpreter.h"

#include <doctest/doctest.h>

#include "interpreter/op.h"
#include "spec/check.h"
#include "spec/text.h"
#include "tests/codegen/model_check.h"
#include "tests/support/compare_tensors.h"
#include "tests/support/loop_runner.h"
#include "tests/support/op_samples.h"

namespace lathe {
namespace {

// A kernel with an output of `size` elements, whose items do `body`.
struct SmallKernel {
  LoopKernel loops;
  Var item = make_var("item");
  Tensor in = Tensor(DType::kFloat32, {4});
  Tensor out = Tensor(DType::kFloat32, {4});

  SmallKernel() {
    loops.buffers = {{"in0", DType::kFloat32, false},
                     {"out0", DType::kFloat32, true}};
    loops.locals = {{"row", DType::kFloat32, 4, 1}};
    loops.lo = make_var("lo");
    loops.hi = make_var("hi");
  }
  Expr in_at(const Expr& index) const {
    return flat_load(0, DType::kFloat32, index);
  }
  Expr row_at(const Expr& index) const {
    return flat_load(2, DType::kFloat32, index);
  }

  std::string run(Stmt body, int64_t items = 4) {
    loops.body = for_loop(item, var(loops.lo), var(loops.hi), std::move(body),
                          LoopKind::kItems);
    try {
      LoopInterpreter interpreter(loops, {in, out}, {});
      interpreter.run(0, items);
      interpreter.check_outputs();
    } catch (const InternalError& error) {
      std::string text = error.what();
      return text.substr(0, text.find(" ("));
    }
    return "";
  }
};

// Sizes that are cheap and cross a vector of 8 and of 16.
bool is_small(const DimBindings& dims) {
  for (const auto& [name, size] : dims) {
    if (size != 0 && size != 1 && size != 9 && size != 17) return false;
  }
  return true;
}

std::string loops_difference(const OpSample& sample, const DimBindings& dims,
                             const Target& target) {
  EvaluateInputs inputs = sample_inputs(sample, dims, 1);
  std::vector<Tensor> wanted = evaluate(sample.graph, inputs);
  std::vector<Tensor> got = run_loops(sample.graph, target, inputs);
  for (size_t i = 0; i < wanted.size(); ++i) {
    std::string what = difference(got[i], wanted[i], 64);
    if (!what.empty()) return what;
  }
  return "";
}

}  // namespace

TEST_CASE("loop interpreter: every access is inside and of stored data") {
  SmallKernel k;
  const Expr i = var(k.item);
  CHECK_EQ(k.run(store(1, i, k.in_at(i))), "");
  CHECK_NE(k.run(store(1, i, k.in_at(i + int_literal(1))))
               .find("reads in0[4 .. 4] of 4"),
           std::string::npos);
  CHECK_NE(k.run(store(1, i - int_literal(1), k.in_at(i)))
               .find("stores out0[-1 .. -1] of 4"),
           std::string::npos);
  CHECK_NE(k.run(store(1, i, vector_load(0, DType::kFloat32, i, 2)))
               .find("reads in0[3 .. 4] of 4"),
           std::string::npos);
  CHECK_NE(k.run(store(1, i, k.row_at(int_literal(2))))
               .find("reads row[2], which nothing stored"),
           std::string::npos);
  // What an item left in a local is gone in the next.
  const Stmt first_only = if_then(i < int_literal(1),
                                  store(2, int_literal(2), k.in_at(i)));
  CHECK_NE(k.run(block({first_only, store(1, i, k.row_at(int_literal(2)))}))
               .find("reads row[2], which nothing stored"),
           std::string::npos);
  CHECK_NE(k.run(store(1, i / int_literal(2), k.in_at(i)))
               .find("items 0 and 1 both store out0[0]"),
           std::string::npos);
  CHECK_NE(k.run(store(1, i, k.in_at(i)), 3).find("nobody stores out0[3] of 4"),
           std::string::npos);
}

TEST_CASE("loop interpreter: op samples agree with the reference") {
  const Target target = target_preset("avx2");
  std::string report;
  for (const auto& entry : OpRegistry::instance().all()) {
    const OpDef& op = entry.second;
    for (const std::string& text : op.samples) {
      for (DType dtype : sample_dtypes(op, text)) {
        if (dtype != DType::kFloat32 && dtype != DType::kBFloat16 &&
            dtype != DType::kInt8) {
          continue;
        }
        const OpSample sample = make_sample(op, text, dtype);
        for (const DimBindings& dims : sample_bindings(sample)) {
          if (!is_small(dims)) continue;
          CAPTURE(op.name);
          CAPTURE(text);
          std::string what = loops_difference(sample, dims, target);
          if (what.empty()) continue;
          report += cat({op.name, "(", text, ") ", to_string(dtype), ": ", what,
                         "\n"});
        }
      }
    }
  }
  CHECK_EQ(report, "");
}

// AVX-512's tile shapes run on no machine that has only AVX2, but here.
TEST_CASE("loop interpreter: products and attention for every target") {
  const ModelCase product{"product", R"(
inputs: {x: "float32[T, 70]"}
weights: {w: "float32[70, 150]", b: "float32[150]"}
checkpoint: {init: ones}
body:
  - y = gelu(x @ w + b)
)",
                          sizes_of("T", {0, 1, 5, 13, 37}), "matmul"};
  const ModelCase gated{"gated", R"(
inputs: {x: "float32[T, 33]"}
weights: {g: "float32[80, 33]", u: "float32[80, 33]"}
checkpoint: {init: ones}
body:
  - y = silu(x @ transpose(g)) * (x @ transpose(u))
)",
                        sizes_of("T", {1, 7, 20}), "matmul"};
  const ModelCase narrow{"bfloat16", R"(
inputs: {x: "bfloat16[T, 33]"}
weights: {w: "bfloat16[80, 33]"}
checkpoint: {init: ones}
body:
  - y = x @ transpose(w)
)",
                         sizes_of("T", {1, 20}), "matmul"};
  const ModelCase attention{"causal attention", R"(
inputs: {q: "float32[2, T, 24]", k: "float32[2, T, 24]", v: "float32[2, T, 9]"}
body:
  - distance = unsqueeze(range(0, T), -1) - range(0, T)
  - s = where(distance >= 0, q @ transpose(k) * 0.2, -3.0e38)
  - y = softmax(s) @ v
)",
                            sizes_of("T", {0, 1, 17, 70}), "attention"};
  const ModelCase rows{"rows", R"(
inputs: {x: "float32[T, 150]", w: "float32[150]"}
body:
  - y = rms_norm(x, w)
  - z = softmax(x)
outputs: {y: y, z: z}
)",
                       sizes_of("T", {0, 1, 3}), "row"};
  const std::vector<ModelCase> cases = {product, gated, narrow, attention,
                                        rows};
  for (const std::string target : {"avx512", "avx2", "neon"}) {
    CAPTURE(target);
    CHECK_EQ(loop_failures_of(cases, target), "");
  }
}

}  // namespace lathe
