// Every op builds from its samples, for every dtype it works on.
#include <doctest/doctest.h>

#include "tests/support/op_samples.h"

namespace lathe {

TEST_CASE("ops: all have a manual and samples") {
  for (const auto& entry : OpRegistry::instance().all()) {
    const OpDef& op = entry.second;
    CAPTURE(op.name);
    CHECK_FALSE(op.doc.empty());
    CHECK_GE(op.samples.size(), 1);
  }
}

TEST_CASE("ops: every sample makes a sound graph") {
  for (const auto& entry : OpRegistry::instance().all()) {
    const OpDef& op = entry.second;
    for (const std::string& text : op.samples) {
      for (DType dtype : sample_dtypes(op, text)) {
        CAPTURE(op.name);
        CAPTURE(text);
        CAPTURE(to_string(dtype));
        CHECK_NOTHROW(verify(make_sample(op, text, dtype).graph));
      }
    }
  }
}

TEST_CASE("ops: the reference runs every sample at every size") {
  for (const auto& row : OpRegistry::instance().all()) {
    const OpDef& op = row.second;
    for (const std::string& text : op.samples) {
      for (DType dtype : sample_dtypes(op, text)) {
        CAPTURE(op.name);
        CAPTURE(text);
        CAPTURE(to_string(dtype));
        const OpSample sample = make_sample(op, text, dtype);
        for (const DimBindings& dims : sample_bindings(sample)) {
          const std::vector<Tensor> outputs =
              evaluate(sample.graph, sample_inputs(sample, dims, 1));
          CHECK_EQ(outputs.size(), sample.graph.outputs.size());
        }
      }
    }
  }
}

}  // namespace lathe
