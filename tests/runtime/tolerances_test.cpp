#include "runtime/compare.h"

#include <doctest/doctest.h>

#include "runtime/layer_places.h"

namespace lathe {
namespace {

// A chain of ops whose results have these types, behind a bfloat16 input.
Graph chain_of(const std::vector<DType>& dtypes) {
  Graph graph;
  ValueId last = graph.add_input({}, {DType::kBFloat16, {4}});
  for (DType dtype : dtypes) {
    Node node;
    node.inputs = {last};
    last = static_cast<ValueId>(graph.values.size());
    node.outputs = {last};
    graph.values.push_back({"v", {dtype, {4}}, 0, 0});
    graph.nodes.push_back(node);
  }
  return graph;
}

}  // namespace

TEST_CASE("compare: a value is held to the coarsest type behind it") {
  using enum DType;
  const auto allowed =
      tolerances(chain_of({kFloat32, kBFloat16, kFloat32, kInt64, kFloat32}));
  CHECK_EQ(allowed[0], 0);  // the input
  CHECK_EQ(allowed[1], default_tolerance(kFloat32));
  CHECK_EQ(allowed[2], default_tolerance(kBFloat16));
  CHECK_EQ(allowed[3], default_tolerance(kBFloat16));
  CHECK_EQ(allowed[4], 0);  // integers
  CHECK_EQ(allowed[5], default_tolerance(kBFloat16));
}

TEST_CASE("compare: codes that floats were rounded to may be one off") {
  using enum DType;
  const auto allowed = tolerances(chain_of({kInt8, kFloat32, kInt32, kInt8}));
  CHECK_GT(allowed[1], 1 / 127.0);
  CHECK_LT(allowed[1], 2 / 127.0);
  CHECK_EQ(allowed[2], allowed[1]);
  CHECK_EQ(allowed[3], 0);
  // One integer made of another is exact, but for what is behind both.
  CHECK_EQ(tolerances(chain_of({kInt32, kInt8}))[2], 0);
}

TEST_CASE("layer places: a path gets the line that declares the layer") {
  const SourceRef file = make_source("m.yaml", "layers:\n  e: {type: E}\n");
  LayerRow row;
  row.path = "e";
  row.span = {file, 10, 11};
  Diagnostic inside{.code = "L0801", .message = "wrong", .notes = {"in: e"}};
  CHECK_EQ(render(with_layer_places(SpecError(inside), {LayerRow{}, row})
                      .diagnostics()),
           "error[L0801]: wrong\n   = in: e (m.yaml:2)\n");
  CHECK_EQ(render(with_layer_places(SpecError(inside), {}).diagnostics()),
           "error[L0801]: wrong\n   = in: e\n");
}

}  // namespace lathe
