// Every block type against the values that the `gguf` package reads from the
// same bytes (tests/data/gguf/make_blocks.py).
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "interpreter/evaluate.h"
#include "interpreter/op.h"
#include "runtime/safetensors.h"
#include "tests/support/paths.h"

namespace lathe {
namespace {

Tensor stored(const SafetensorsFile& file, const std::string& name) {
  const FileTensor* tensor = file.find(name);
  REQUIRE(tensor != nullptr);
  return file.read(*tensor);
}

Tensor decoded(const OpDef& op, const Tensor& bytes) {
  Graph graph;
  TensorType type{DType::kUInt8, {}};
  for (int64_t size : bytes.shape()) type.shape.emplace_back(size);
  OpCall call;
  call.op = &op;
  const ValueId input = graph.add_input({"x", -1, {}, {}}, type);
  call.positional = {{TensorArg{input}, {}}};
  graph.outputs.push_back({"y", apply_op(graph, call)[0]});
  EvaluateInputs inputs;
  inputs.tensors[input] = bytes;
  return evaluate(graph, inputs)[0];
}

// Elements whose bits differ; all that are no number are alike.
int64_t wrong_bits(const Tensor& found, const Tensor& wanted) {
  REQUIRE(found.shape() == wanted.shape());
  int64_t wrong = 0;
  for (int64_t i = 0; i < found.numel(); ++i) {
    const float a = found.as<float>()[i];
    const float b = wanted.as<float>()[i];
    const bool same = std::isnan(a) ? std::isnan(b)
                                    : std::memcmp(&a, &b, sizeof a) == 0;
    wrong += same ? 0 : 1;
  }
  return wrong;
}

}  // namespace

TEST_CASE("blocks: values are those of the gguf package, bit for bit") {
  const SafetensorsFile file(
      (source_dir() / "tests/data/gguf/blocks.safetensors").string());
  int types = 0;
  for (const DTypeInfo& row : all_dtypes()) {
    if (!is_block(row.dtype)) continue;
    CAPTURE(row.name);
    ++types;
    const OpDef* op = OpRegistry::instance().find_decoder(row.dtype);
    REQUIRE(op != nullptr);
    const std::string name(row.name);
    CHECK_EQ(wrong_bits(decoded(*op, stored(file, name + ".bytes")),
                        stored(file, name + ".values")),
             0);
  }
  CHECK_EQ(types, 10);
}

}  // namespace lathe
