// Encoding of block types: those of 32 values against the bytes that the gguf
// package makes (tests/data/gguf/make_encoded.py), those of 256 by the error
// that is left when the blocks are read again.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "interpreter/evaluate.h"
#include "interpreter/op.h"
#include "runtime/quantize/block_encode.h"
#include "runtime/safetensors.h"
#include "tests/support/paths.h"

namespace lathe {
namespace {

Tensor stored(const SafetensorsFile& file, std::string_view name) {
  const FileTensor* tensor = file.find(name);
  REQUIRE(tensor != nullptr);
  return file.read(*tensor);
}

Tensor encoded(DType dtype, const Tensor& values) {
  const int64_t rows = values.shape()[0], columns = values.shape()[1];
  Tensor bytes(DType::kUInt8, {rows, bytes_of(dtype, columns)});
  for (int64_t r = 0; r < rows; ++r) {
    encode_blocks(dtype, values.as<float>() + r * columns, columns,
                  bytes.mutable_data() + r * bytes.shape()[1]);
  }
  return bytes;
}

// What the op that reads the type makes of its bytes.
Tensor decoded(DType dtype, const Tensor& bytes) {
  Graph graph;
  OpCall call;
  call.op = OpRegistry::instance().find_decoder(dtype);
  REQUIRE(call.op != nullptr);
  const ValueId input = graph.add_input(
      {"x", -1, {}, {}},
      {DType::kUInt8, {bytes.shape()[0], bytes.shape()[1]}});
  call.positional = {{TensorArg{input}, {}}};
  graph.outputs.push_back({"y", apply_op(graph, call)[0]});
  EvaluateInputs inputs;
  inputs.tensors[input] = bytes;
  return evaluate(graph, inputs)[0];
}

// Root mean square of what is lost, as a share of the values'.
double loss(DType dtype, const Tensor& values) {
  const Tensor read = decoded(dtype, encoded(dtype, values));
  double error = 0, square = 0;
  for (int64_t i = 0; i < values.numel(); ++i) {
    error += std::pow(read.at(i) - values.at(i), 2);
    square += std::pow(values.at(i), 2);
  }
  return square == 0 ? std::sqrt(error) : std::sqrt(error / square);
}

Tensor random_rows(int64_t rows) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  Tensor out(DType::kFloat32, {rows, 512});
  for (int64_t i = 0; i < out.numel(); ++i) {
    out.mutable_as<float>()[i] = normal(random);
  }
  return out;
}

Tensor mapped(Tensor rows, float (*f)(float x, int64_t i)) {
  for (int64_t i = 0; i < rows.numel(); ++i) {
    rows.mutable_as<float>()[i] = f(rows.as<float>()[i], i);
  }
  return rows;
}

// The types of 256 values, and the loss that normally distributed weights may
// have in them.
struct Bound {
  DType dtype;
  double normal;
};
constexpr Bound kBounds[] = {{DType::kQ2_K, 0.28},
                             {DType::kQ3_K, 0.155},
                             {DType::kQ4_K, 0.075},
                             {DType::kQ5_K, 0.038},
                             {DType::kQ6_K, 0.019}};

}  // namespace

TEST_CASE("encode: blocks of 32 values are those of the gguf package") {
  const SafetensorsFile file(
      (source_dir() / "tests/data/gguf/encoded.safetensors").string());
  const Tensor values = stored(file, "values");
  for (const DType dtype : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1,
                            DType::kQ5_0, DType::kQ5_1}) {
    CAPTURE(to_string(dtype));
    const Tensor wanted = stored(file, to_string(dtype));
    const Tensor found = encoded(dtype, values);
    REQUIRE_EQ(found.bytes(), wanted.bytes());
    CHECK_EQ(std::memcmp(found.data(), wanted.data(),
                         static_cast<size_t>(wanted.bytes())),
             0);
  }
}

TEST_CASE("encode: blocks of 256 values lose no more than is stated") {
  const Tensor normal = random_rows(16);
  const Tensor small =
      mapped(random_rows(4), [](float x, int64_t) { return x * 1e-3f; });
  const Tensor positive =
      mapped(random_rows(4), [](float x, int64_t) { return std::fabs(x); });
  // Runs of very different size within a block.
  const Tensor uneven = mapped(random_rows(4), [](float x, int64_t i) {
    return x * std::pow(2.0f, static_cast<float>(i / 16 % 4));
  });
  for (const Bound& bound : kBounds) {
    CAPTURE(to_string(bound.dtype));
    CHECK_LE(loss(bound.dtype, normal), bound.normal);
    CHECK_LE(loss(bound.dtype, small), bound.normal);
    CHECK_LE(loss(bound.dtype, positive), bound.normal);
    CHECK_LE(loss(bound.dtype, uneven), 1.5 * bound.normal);
  }
}

TEST_CASE("encode: zeros stay zeros, equal values nearly what they are") {
  const Tensor zeros(DType::kFloat32, {1, 512});
  for (const DTypeInfo& row : all_dtypes()) {
    if (!is_block(row.dtype)) continue;
    CAPTURE(row.name);
    CHECK_EQ(loss(row.dtype, zeros), 0);
    for (const float value : {1.0f, -1.0f, 3e-5f, -700.0f}) {
      Tensor same(DType::kFloat32, {1, 512});
      for (int64_t i = 0; i < 512; ++i) same.set(i, value);
      CHECK_LE(loss(row.dtype, same), 0.05);
    }
  }
}

}  // namespace lathe
