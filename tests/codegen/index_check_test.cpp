// Indices out of range: kernels report what the reference reports, wherever
// fusion has moved the check.

#include <doctest/doctest.h>

#include "codegen/compile.h"
#include "interpreter/evaluate.h"
#include "spec/diagnostic.h"
#include "spec/text.h"
#include "tests/support/codegen_text.h"
#include "tests/support/program_runner.h"

namespace lathe {
namespace {

// Element `at` of input `input` becomes `value`.
struct Wrong {
  std::string input = "i";
  int64_t at = 0;
  int64_t value = 0;
};

// Indices are all 0 but the wrong one, everything else is 1.
EvaluateInputs inputs_with(const Graph& graph, const DimBindings& dims,
                           const Wrong& wrong) {
  EvaluateInputs inputs;
  inputs.dims = dims;
  for (const Node& node : graph.nodes) {
    if (node.kind == NodeKind::kOp || node.kind == NodeKind::kConstant) {
      continue;
    }
    const Value& value = graph.values[node.outputs[0]];
    Tensor tensor(value.type.dtype, eval(value.type.shape, dims));
    for (int64_t e = 0; e < tensor.numel(); ++e) {
      is_int(value.type.dtype) ? tensor.set_int(e, 0) : tensor.set(e, 1);
    }
    if (value.name == wrong.input) tensor.set_int(wrong.at, wrong.value);
    inputs.tensors[node.outputs[0]] = tensor;
  }
  return inputs;
}

template <typename Run>
std::string error_of(const Run& run) {
  try {
    run();
  } catch (const SpecError& error) {
    return render(error.diagnostics());
  }
  return "no error";
}

// What both devices say to the wrong index, without the place.
std::string fault_of(const std::string& yaml, const Wrong& wrong,
                     const DimBindings& dims = {}) {
  Graph graph = graph_from(yaml);
  Program program = compile(graph, target_preset("avx2"));
  ProgramRunner runner;
  runner.add(program);
  runner.compile();
  EvaluateInputs inputs = inputs_with(graph, dims, wrong);
  std::string reference = error_of([&] { evaluate(graph, inputs); });
  std::string kernels = error_of([&] { runner.run(program, inputs); });
  if (reference != kernels) {
    return cat({"reference:\n", reference, "kernels:\n", kernels});
  }
  return reference.substr(0, reference.find('\n'));
}

std::string reads(const std::string& op, int64_t index, int64_t extent,
                  int64_t position) {
  return cat({"error[L0801]: `", op, "` reads index ", index,
              " of an axis of size ", extent, ", at position ", position,
              " of its output"});
}

std::string writes(const std::string& op, int64_t index, int64_t extent,
                   int64_t position) {
  return cat({"error[L0801]: `", op, "` writes to index ", index,
              " of an axis of size ", extent, ", at position ", position,
              " of its updates"});
}

}  // namespace

TEST_CASE("index checks: the position is that of the first element") {
  const std::string rows = R"(
inputs: {x: "float32[5, 3]", i: "int64[N]"}
body:
  - y = gather(x, i)
)";
  CHECK_EQ(fault_of(rows, {"i", 17, 5}, {{"N", 40}}),
           reads("gather", 5, 5, 51));
  const std::string columns = R"(
inputs: {x: "float32[B, 7]", i: "int32[4]"}
body:
  - y = gather(x, i, axis=-1)
)";
  CHECK_EQ(fault_of(columns, {"i", 2, -8}, {{"B", 3}}),
           reads("gather", -8, 7, 2));
  const std::string elements = R"(
inputs: {x: "float32[N, 5]", i: "int64[N, 3]"}
body:
  - y = gather_elements(x, i)
)";
  CHECK_EQ(fault_of(elements, {"i", 25, 9}, {{"N", 20}}),
           reads("gather_elements", 9, 5, 25));
  const std::string addresses = R"(
inputs: {x: "float32[2, 5, 4]", i: "int64[2, N, 1]"}
body:
  - y = gather_nd(x, i, batch_dims=1)
)";
  CHECK_EQ(fault_of(addresses, {"i", 8, 5}, {{"N", 6}}),
           reads("gather_nd", 5, 5, 32));
  const std::string one_hot = R"(
inputs: {i: "int64[3, N]"}
body:
  - y = one_hot(i, 6)
)";
  CHECK_EQ(fault_of(one_hot, {"i", 7, 6}, {{"N", 5}}),
           reads("one_hot", 6, 6, 42));
}

TEST_CASE("index checks: places to write are those of the updates") {
  const std::string scatter = R"(
inputs: {x: "float32[N, 5]", u: "float32[N, 3]", i: "int64[N, 3]"}
body:
  - y = scatter(x, u, i, mode='add')
)";
  CHECK_EQ(fault_of(scatter, {"i", 22, 5}, {{"N", 9}}),
           writes("scatter", 5, 5, 22));
  const std::string scatter_nd = R"(
inputs: {x: "float32[5, 3]", u: "float32[N, 3]", i: "int64[N, 1]"}
body:
  - y = scatter_nd(x, u, i)
)";
  CHECK_EQ(fault_of(scatter_nd, {"i", 4, -6}, {{"N", 9}}),
           writes("scatter_nd", -6, 5, 12));
}

TEST_CASE("index checks: fused kernels know the op's own position") {
  const std::string norm = R"(
inputs: {i: "int64[B, T]", table: "float32[10, 16]", w: "float32[16]"}
body:
  - y = rms_norm(gather(table, i), w)
)";
  CHECK_EQ(fault_of(norm, {"i", 7, 10}, {{"B", 2}, {"T", 5}}),
           reads("gather", 10, 10, 112));
  CHECK_EQ(schedule_of(norm), "kernel k0  row  fuses gather rms_norm\n");
  const std::string transposed = R"(
inputs: {i: "int64[T]", table: "float32[10, 4]", b: "float32[4, T]"}
body:
  - y = exp(transpose(gather(table, i))) + b
)";
  CHECK_EQ(fault_of(transposed, {"i", 3, 11}, {{"T", 6}}),
           reads("gather", 11, 10, 12));
}

TEST_CASE("index checks: operands of products and attention are checked") {
  const std::string product = R"(
inputs: {i: "int64[T]", table: "float32[10, 32]"}
weights: {w: "float32[32, 48]"}
checkpoint: {init: ones}
body:
  - y = gather(table, i) @ w
)";
  CHECK_EQ(fault_of(product, {"i", 30, -11}, {{"T", 33}}),
           reads("gather", -11, 10, 960));
  // The causal select hides the last keys from all queries.
  const std::string attention = R"(
inputs:
  q: "float32[T, 8]"
  table: "float32[10, 8]"
  bias: "float32[10]"
  i: "int64[S]"
  j: "int64[S]"
  k: "int64[T, S]"
body:
  - s = q @ transpose(gather(table, i)) + gather(bias, k)
  - distance = unsqueeze(range(0, T), -1) - range(0, S)
  - y = softmax(where(distance >= 0, s, -3.0e38)) @ gather(table, j)
)";
  for (const std::string name : {"i", "j", "k"}) {
    CHECK_EQ(fault_of(attention, {name, 190, 10}, {{"T", 5}, {"S", 200}}),
             reads("gather", 10, 10, name == "k" ? 190 : 1520));
  }
}

TEST_CASE("index checks: hold where the index has no influence") {
  const std::string single = R"(
inputs: {x: "float32[1, 3]", i: "int64[N]"}
body:
  - y = gather(x, i) * 2
)";
  CHECK_EQ(fault_of(single, {"i", 4, 1}, {{"N", 6}}),
           reads("gather", 1, 1, 12));
  const std::string one_hot = R"(
inputs: {i: "int64[N]"}
body:
  - y = one_hot(i, 1)
)";
  CHECK_EQ(fault_of(one_hot, {"i", 4, -2}, {{"N", 6}}),
           reads("one_hot", -2, 1, 4));
  const std::string same_at_all = R"(
inputs: {x: "float32[3]", i: "int64[N]"}
body:
  - y = gather(broadcast_to(x, [5, 3]), i) + 1
)";
  CHECK_EQ(fault_of(same_at_all, {"i", 4, 5}, {{"N", 6}}),
           reads("gather", 5, 5, 12));
  const std::string one_side = R"(
inputs: {a: "float32[4]", b: "float32[4]", i: "int64[N]"}
body:
  - y = gather(concat([a, b], axis=0), i)
)";
  CHECK_EQ(fault_of(one_side, {"i", 4, 8}, {{"N", 6}}),
           reads("gather", 8, 8, 4));
}

TEST_CASE("index checks: hold for elements that nobody needs") {
  const std::string half = R"(
inputs: {x: "float32[5, 4]", i: "int64[N]"}
body:
  - y = exp(gather(x, i)[:3])
)";
  CHECK_EQ(fault_of(half, {"i", 4, 5}, {{"N", 6}}),
           reads("gather", 5, 5, 16));
  const std::string chosen = R"(
inputs: {x: "float32[5]", i: "int64[N]", m: "float32[N]"}
body:
  - y = where(m > 2, gather(x, i), 0.0)
)";
  CHECK_EQ(fault_of(chosen, {"i", 4, 5}, {{"N", 6}}),
           reads("gather", 5, 5, 4));
  const std::string twice = R"(
inputs: {x: "float32[5]", i: "int64[4]", j: "int64[N]"}
body:
  - y = gather(gather(x, i), j)
)";
  CHECK_EQ(fault_of(twice, {"i", 3, 7}, {{"N", 6}}),
           reads("gather", 7, 5, 3));
  CHECK_EQ(fault_of(twice, {"j", 3, 7}, {{"N", 6}}),
           reads("gather", 7, 4, 3));
}

TEST_CASE("index checks: nothing beside an axis without elements is touched") {
  const std::string empty = R"(
inputs: {x: "float32[E, 3]", i: "int64[N]"}
body:
  - y = gather(x, i)
)";
  CHECK_EQ(fault_of(empty, {"i", 0, 0}, {{"E", 0}, {"N", 1}}),
           reads("gather", 0, 0, 0));
  const std::string update = R"(
inputs: {x: "float32[E, 300]", u: "float32[N, 300]", i: "int64[N, 1]"}
body:
  - y = scatter_nd(x, u, i)
)";
  CHECK_EQ(fault_of(update, {"i", 0, 0}, {{"E", 0}, {"N", 3}}),
           writes("scatter_nd", 0, 0, 0));
}

}  // namespace lathe
