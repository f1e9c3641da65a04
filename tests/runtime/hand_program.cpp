#include "tests/runtime/hand_program.h"

#include <memory>

#include "spec/text.h"

namespace lathe {
namespace {

Buffer buffer(const std::string& name, BufferRole role, DType dtype,
              Shape shape) {
  Buffer result;
  result.name = name;
  result.role = role;
  result.dtype = dtype;
  result.shape = std::move(shape);
  return result;
}

Step step(int kernel, std::vector<int> buffers, Dim items,
          const std::string& what) {
  Step result;
  result.kernel = kernel;
  result.buffers = std::move(buffers);
  result.items = items;
  result.cost = items * 1000;
  result.what = what;
  return result;
}

// The model's text, so that messages have a place.
SourceSpan span_of(const std::string& text, const std::string& part) {
  const SourceRef file = make_source("model.yaml", text);
  const auto begin = static_cast<uint32_t>(text.find(part));
  return {file, begin, begin + static_cast<uint32_t>(part.size())};
}

}  // namespace

std::string hand_prelude() {
  return "typedef long i64;\n"
         "struct Fault { i64 site, value, extent, position; };\n"
         "struct Args { void* const* buf; const i64* dim; Fault* fault; };\n";
}

Kernel hand_function(const std::string& name, const std::string& body,
                     int buffers, int dims) {
  std::string text = cat({"extern \"C\" void ", name,
                          "(const Args* a, i64 lo, i64 hi) {\n"});
  for (int i = 0; i < buffers; ++i) {
    text += cat({"  [[maybe_unused]] float* f", i, " = (float*)a->buf[", i,
                 "];\n  [[maybe_unused]] i64* n", i, " = (i64*)f", i, ";\n"});
  }
  for (int i = 0; i < dims; ++i) {
    text += cat({"  const i64 d", i, " = a->dim[", i, "];\n"});
  }
  Kernel kernel;
  kernel.name = name;
  kernel.text = text + body + "}\n";
  kernel.buffers = buffers;
  kernel.dims = dims;
  return kernel;
}

Kernel hand_kernel(const std::string& name, const std::string& body,
                   int buffers, int dims) {
  return hand_function(
      name, cat({"  for (i64 i = lo; i < hi; ++i) { ", body, " }\n"}),
      buffers, dims);
}

Program scale_program() {
  const Dim batch = Dim::symbol("B");
  Program program;
  program.name = "scale";
  program.prelude = hand_prelude();
  program.kernels = {
      hand_kernel("pack", "f1[i] = 2 * f0[i];", 2, 0),
      hand_kernel("scale",
                  "for (i64 k = 0; k < 4; ++k) "
                  "f2[4 * i + k] = f0[4 * i + k] * f1[k];",
                  3, 0),
      hand_kernel("add_one",
                  "for (i64 k = 0; k < 4; ++k) f1[4 * i + k] = "
                  "f0[4 * i + k] + (d0 == hi ? 1.0f : 1.0f);",
                  2, 1)};
  program.buffers = {
      buffer("x", BufferRole::kInput, DType::kFloat32, {batch, 4}),
      buffer("w", BufferRole::kWeight, DType::kFloat32, {4}),
      buffer("p", BufferRole::kPacked, DType::kFloat32, {4}),
      buffer("t", BufferRole::kTemp, DType::kFloat32, {batch, 4}),
      buffer("y", BufferRole::kOutput, DType::kFloat32, {batch, 4})};
  program.buffers[3].last = 1;
  program.load_steps = {step(0, {1, 2}, 4, "pack w")};
  program.steps = {step(1, {0, 2, 3}, batch, "mul"),
                   step(2, {3, 4}, batch, "add")};
  program.steps[1].dims = {batch};
  program.inputs = {{"x", 0, {}, span_of("inputs: {x: float32[B, 4]}", "x:")}};
  program.outputs = {{"y", 4, {}, {}}};
  program.symbols = {"B"};
  return program;
}

Program gather_program() {
  const Dim count = Dim::symbol("N");
  Program program;
  program.name = "gather";
  program.prelude = hand_prelude();
  program.kernels = {hand_kernel(
      "gather",
      "i64 at = n1[i]; if (at < 0) at += 3;\n"
      "    if (at < 0 || at >= 3) {\n"
      "      i64 none = -1;\n"
      "      if (__atomic_compare_exchange_n(&a->fault->site, &none, 0, false,"
      " __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {\n"
      "        a->fault->value = n1[i]; a->fault->extent = 3;\n"
      "        a->fault->position = i;\n"
      "      }\n"
      "      at = 0;\n"
      "    }\n"
      "    f2[i] = f0[at];",
      3, 0)};
  auto table = std::make_shared<Tensor>(DType::kFloat32,
                                        std::vector<int64_t>{3});
  for (int i = 0; i < 3; ++i) table->set(i, 10 * (i + 1));
  program.buffers = {
      buffer("table", BufferRole::kConstant, DType::kFloat32, {3}),
      buffer("index", BufferRole::kInput, DType::kInt64, {count}),
      buffer("y", BufferRole::kOutput, DType::kFloat32, {count})};
  program.buffers[0].constant = table;
  program.steps = {step(0, {0, 1, 2}, count, "gather")};
  program.steps[0].faults = {
      {"gather", "model.embed", span_of("y = gather(t, i)", "gather(t, i)")}};
  program.inputs = {
      {"index", 1, 0.0, span_of("inputs: {index: int64[N]}", "index:")}};
  program.outputs = {{"y", 2, {}, {}}};
  program.symbols = {"N"};
  return program;
}

Tensor floats(std::vector<int64_t> shape, const std::vector<double>& values) {
  Tensor tensor(DType::kFloat32, std::move(shape));
  for (size_t i = 0; i < values.size(); ++i) {
    tensor.set(static_cast<int64_t>(i), values[i]);
  }
  return tensor;
}

}  // namespace lathe
