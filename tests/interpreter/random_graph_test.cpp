#include "tests/support/random_graph.h"

#include <doctest/doctest.h>

#include <map>

#include "spec/diagnostic.h"

namespace lathe {

TEST_CASE("random graphs: are sound, of many ops, and the same every time") {
  std::map<std::string, int> seen;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    const OpSample sample = random_graph(seed, 12);
    CHECK_NOTHROW(verify(sample.graph));
    CHECK_FALSE(sample.graph.outputs.empty());
    for (const Node& node : sample.graph.nodes) ++seen[node.op];
    CHECK_EQ(to_string(sample.graph), to_string(random_graph(seed, 12).graph));
  }
  CHECK_GT(seen.size(), 60);
}

TEST_CASE("random graphs: the reference runs them at every size") {
  int finished = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    const OpSample sample = random_graph(seed, 12);
    for (const DimBindings& dims : random_graph_bindings()) {
      try {
        evaluate(sample.graph, sample_inputs(sample, dims, seed));
        ++finished;
      } catch (const SpecError& error) {
        CHECK_EQ(error.diagnostics()[0].code, "L0801");
      }
    }
  }
  CHECK_GT(finished, 120);
}

TEST_CASE("random graphs: shrink to the op that fails") {
  const OpSample whole = random_graph(1, 12);
  const std::string culprit = whole.graph.nodes.back().op;
  const auto fails = [&](const OpSample& sample) {
    for (const Node& node : sample.graph.nodes) {
      if (node.op == culprit) return true;
    }
    return false;
  };
  const OpSample smallest = shrink(whole, fails);
  CHECK_NOTHROW(verify(smallest.graph));
  int ops = 0;
  for (const Node& node : smallest.graph.nodes) {
    ops += node.kind == NodeKind::kOp ? 1 : 0;
  }
  CHECK_EQ(ops, 1);
  CHECK_EQ(smallest.graph.nodes.back().op, culprit);
}

}  // namespace lathe
