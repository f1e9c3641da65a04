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

}  // namespace lathe
