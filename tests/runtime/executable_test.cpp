#include <doctest/doctest.h>

#include <cstring>

#include "runtime/compiled_executable.h"
#include "runtime/cpu_device.h"
#include "runtime/null_device.h"
#include "tests/runtime/hand_program.h"
#include "tests/support/error_text.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

Tensor ints(DType dtype, const std::vector<int64_t>& values) {
  Tensor tensor(dtype, {static_cast<int64_t>(values.size())});
  for (size_t i = 0; i < values.size(); ++i) {
    tensor.set_int(static_cast<int64_t>(i), values[i]);
  }
  return tensor;
}

// A CPU with a cache of its own, and all that it says.
struct Bench {
  explicit Bench(int threads = 2) {
    options = options_from_environment();
    options.cache_dir = folder.file("cache");
    options.temp_dir = folder.path().string();
    options.threads = threads;
    reporter.on_message = [this](ReportKind, const std::string& text) {
      said += text + "\n";
    };
    device = make_cpu_device(options, reporter);
  }
  std::unique_ptr<CompiledExecutable> load(Program program) {
    return std::make_unique<CompiledExecutable>(
        std::move(program), *device,
        WeightTable({{"w", floats({4}, {1, 2, 3, 4})}}), reporter, false);
  }
  TempFolder folder;
  Options options;
  Reporter reporter;
  std::string said;
  std::unique_ptr<Device> device;
};

std::string text_of(const std::vector<NamedTensor>& outputs) {
  std::string text;
  for (const NamedTensor& output : outputs) {
    text += output.name + " " + to_string(output.tensor) + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("executable: packs weights, runs steps, returns outputs by name") {
  Bench bench;
  auto model = bench.load(scale_program());
  const Tensor x = floats({2, 4}, {1, 1, 1, 1, 0, 1, 2, 3});
  CHECK_EQ(text_of(model->run({{"x", x}}, {})),
           "y float32[2, 4] [[3, 5, 7, 9], [1, 5, 13, 25]]\n");
  CHECK_EQ(model->load_report().kernels.compiled, 3);
  CHECK_EQ(model->load_report().weight_bytes, 16);
}

TEST_CASE("executable: a second process finds all kernels in the cache") {
  Bench bench;
  bench.load(scale_program());
  auto other = make_cpu_device(bench.options, bench.reporter);
  CompiledExecutable model(scale_program(), *other,
                           WeightTable({{"w", floats({4}, {1, 1, 1, 1})}}),
                           bench.reporter, false);
  CHECK_EQ(model.load_report().kernels.cached, 3);
  CHECK_EQ(model.load_report().kernels.compiled, 0);
}

TEST_CASE("executable: sizes change from run to run, 0 included") {
  Bench bench;
  auto model = bench.load(scale_program());
  for (const int64_t rows : {1, 7, 0, 300, 2}) {
    CAPTURE(rows);
    const auto outputs =
        model->run({{"x", Tensor(DType::kFloat32, {rows, 4})}}, {});
    const Tensor& y = outputs[0].tensor;
    CHECK_EQ(y.shape(), std::vector<int64_t>{rows, 4});
    for (int64_t i = 0; i < y.numel(); ++i) REQUIRE_EQ(y.at(i), 1);
  }
}

TEST_CASE("executable: an output stays as it is when the model runs again") {
  Bench bench;
  auto model = bench.load(scale_program());
  const auto first = model->run({{"x", floats({1, 4}, {1, 1, 1, 1})}}, {});
  const auto second = model->run({{"x", floats({1, 4}, {0, 0, 0, 0})}}, {});
  CHECK_EQ(text_of(first), "y float32[1, 4] [[3, 5, 7, 9]]\n");
  CHECK_EQ(text_of(second), "y float32[1, 4] [[1, 1, 1, 1]]\n");
}

TEST_CASE("executable: input and weights need no alignment") {
  Bench bench;
  auto bytes = std::make_shared<std::vector<std::byte>>(64);
  std::byte* data = bytes->data() + 1;
  for (int i = 0; i < 4; ++i) {
    const float one = 1;
    std::memcpy(data + 4 * i, &one, sizeof one);
  }
  const Tensor odd(DType::kFloat32, {1, 4}, data, bytes);
  const Tensor weight(DType::kFloat32, {4}, data, bytes);
  CompiledExecutable model(scale_program(), *bench.device,
                           WeightTable({{"w", weight}}), bench.reporter, false);
  CHECK_EQ(text_of(model.run({{"x", odd}}, {})),
           "y float32[1, 4] [[3, 3, 3, 3]]\n");
}

TEST_CASE("executable: converts within a class and says so once") {
  Bench bench;
  auto model = bench.load(scale_program());
  const Tensor x = convert(floats({1, 4}, {1, 1, 1, 1}), DType::kFloat64);
  model->run({{"x", x}}, {});
  model->run({{"x", x}}, {});
  CHECK_EQ(bench.said.find("input `x` is converted from float64 to float32"),
           bench.said.rfind("input `x` is converted"));
  CHECK_NE(bench.said.find("input `x` is converted"), std::string::npos);
}

TEST_CASE("executable: inputs that do not fit are errors") {
  Bench bench;
  auto model = bench.load(scale_program());
  CHECK_EQ(error_of([&] { model->run({}, {}); }),
           "error[L0518]: input `x` is missing\n"
           "  --> model.yaml:1:10\n"
           "   |\n"
           " 1 | inputs: {x: float32[B, 4]}\n"
           "   |          ^^ here\n");
  CHECK_EQ(error_of([&] {
             model->run({{"x", floats({1, 3}, {})}}, {});
           }),
           "error[L0402]: input `x` wants a size of 4 and gets 3\n"
           "  --> model.yaml:1:10\n"
           "   |\n"
           " 1 | inputs: {x: float32[B, 4]}\n"
           "   |          ^^ here\n"
           "   = x is float32[1, 3], declared as float32[B, 4]\n");
  CHECK_EQ(error_of([&] {
             model->run({{"x", ints(DType::kInt64, {1})}}, {});
           }).substr(0, 53),
           "error[L0404]: input `x` wants float32 and gets int64\n");
}

TEST_CASE("executable: a dim given for itself must agree") {
  Bench bench;
  auto model = bench.load(scale_program());
  const Tensor x = floats({2, 4}, {});
  CHECK_EQ(model->run({{"x", x}}, {{"B", 2}}).size(), 1);
  CHECK_EQ(error_of([&] {
             model->run({{"x", x}}, {{"B", 3}});
           }).substr(0, 50),
           "error[L0402]: `B` is 3 in `-d` and 2 in input `x`\n");
}

TEST_CASE("executable: an index out of range names op, place and value") {
  Bench bench;
  auto model = bench.load(gather_program());
  CHECK_EQ(text_of(model->run(
               {{"index", ints(DType::kInt64, {2, -1, 0})}}, {})),
           "y float32[3] [30, 30, 10]\n");
  CHECK_EQ(error_of([&] {
             model->run({{"index", ints(DType::kInt64, {0, 7})}}, {});
           }),
           "error[L0801]: `gather` reads index 7 of an axis of size 3, at "
           "position 1 of its output\n"
           "  --> model.yaml:1:5\n"
           "   |\n"
           " 1 | y = gather(t, i)\n"
           "   |     ^^^^^^^^^^^^ here\n"
           "   = in: model.embed\n");
  // The failed run leaves nothing behind.
  CHECK_EQ(text_of(model->run({{"index", ints(DType::kInt32, {1})}}, {})),
           "y float32[1] [20]\n");
}

TEST_CASE("executable: an input with a default may be left out") {
  Bench bench;
  auto model = bench.load(gather_program());
  CHECK_EQ(text_of(model->run({}, {{"N", 2}})), "y float32[2] [10, 10]\n");
  CHECK_EQ(error_of([&] { model->run({}, {}); }),
           "error[L0402]: no input shows the size `N`\n"
           "  --> model.yaml:1:10\n"
           "   |\n"
           " 1 | inputs: {index: int64[N]}\n"
           "   |          ^^^^^^ here\n"
           "   = help: `-d N=4`\n");
}

TEST_CASE("executable: a broken constraint gives its own message") {
  Bench bench;
  Program program = scale_program();
  DimConstraint constraint;
  constraint.left = Dim::symbol("B");
  constraint.right = 4;
  constraint.code = "L0402";
  constraint.message = "`fc` wants 4 rows";
  program.constraints = {constraint};
  auto model = bench.load(program);
  CHECK_EQ(error_of([&] {
             model->run({{"x", floats({2, 4}, {})}}, {});
           }),
           "error[L0402]: `fc` wants 4 rows\n   = `B` = 2 against 4\n");
}

TEST_CASE("executable: inputs and packed weights can be outputs") {
  Bench bench;
  Program program = scale_program();
  program.outputs = {{"y", 4, {}, {}}, {"same", 4, {}, {}}, {"x", 0, {}, {}},
                     {"p", 2, {}, {}}};
  auto model = bench.load(program);
  CHECK_EQ(text_of(model->run({{"x", floats({1, 4}, {1, 0, 0, 0})}}, {})),
           "y float32[1, 4] [[3, 1, 1, 1]]\n"
           "same float32[1, 4] [[3, 1, 1, 1]]\n"
           "x float32[1, 4] [[1, 0, 0, 0]]\n"
           "p float32[4] [2, 4, 6, 8]\n");
}

TEST_CASE("executable: sizes that no memory can hold are an error") {
  Bench bench;
  Program program = scale_program();
  program.buffers[3].shape = {Dim::symbol("B"), int64_t{1} << 50};
  auto model = bench.load(program);
  const std::string said =
      error_of([&] { model->run({{"x", floats({1, 4}, {})}}, {}); });
  CHECK_NE(said.find("L0702: no memory for"), std::string::npos);
  CHECK_NE(said.find("4503599627370496 bytes  t float32[B, 1125899906842624]"),
           std::string::npos);
  CHECK_EQ(error_of([&] {
             model->run({{"x", Tensor(DType::kFloat32, {1 << 20, 4})}}, {});
           }),
           "error[L0410]: `t`, float32[B, 1125899906842624], takes more than "
           "2^63 bytes\n");
}

TEST_CASE("executable: the null device records what a run asks for") {
  DeviceLog log;
  auto device = make_null_device(log);
  CompiledExecutable model(scale_program(), *device,
                           WeightTable({{"w", floats({4}, {1, 2, 3, 4})}}), {},
                           false);
  model.run({{"x", floats({2, 4}, {})}}, {});
  std::string text;
  for (const std::string& line : log) text += line + "\n";
  CHECK_EQ(text,
           "compile pack first\n"
           "compile scale\n"
           "compile add_one\n"
           "allocate 16\n"
           "upload 16\n"
           "allocate 16\n"
           "launch pack items=4 dims=[]\n"
           "allocate 64\n"
           "allocate 32\n"
           "upload 32\n"
           "allocate 32\n"
           "launch scale items=2 dims=[]\n"
           "launch add_one items=2 dims=[2]\n"
           "download 32\n");
}

}  // namespace lathe
