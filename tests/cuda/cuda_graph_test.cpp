// Runs of a loaded model on the fake driver, in this process: when they are
// launched as a graph, and when that graph is made anew.
#include <doctest/doctest.h>

#include <cstdlib>

#include "runtime/engine.h"
#include "tests/support/load_model.h"
#include "tests/support/paths.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

// What the fake driver logs.
class DriverLog {
 public:
  explicit DriverLog(std::string file) : file_(std::move(file)) {
    setenv("LATHE_FAKE_LOG", file_.c_str(), 1);
  }
  ~DriverLog() { unsetenv("LATHE_FAKE_LOG"); }
  DriverLog(const DriverLog&) = delete;
  DriverLog& operator=(const DriverLog&) = delete;

  // The lines about graphs since the last call.
  std::string graphs() {
    const std::string text = file_bytes(file_);
    std::string out;
    for (const std::string& line : split(text.substr(read_), '\n')) {
      if (line.starts_with("graph")) out += line + "\n";
    }
    read_ = text.size();
    return out;
  }

 private:
  std::string file_;
  size_t read_ = 0;
};

Options fake_options(const TempFolder& folder) {
  Options options = options_from_environment();
  options.device = "cuda";
  options.cuda_library = LATHE_FAKE_CUDA;
  options.nvrtc_library = LATHE_FAKE_CUDA;
  options.cache_dir = folder.file("cache");
  return options;
}

constexpr const char* kModel = R"(lathe: 1
model: m
inputs: {x: "float32[N, 4]"}
weights: {w: {type: "float32[4]", init: 2.0}}
body:
  - y = softmax(x * w) + cumsum(x, axis=-1)
)";

// More than 128 rows are fetched through tensor maps.
constexpr const char* kGraphModel = R"(lathe: 1
model: m
inputs: {x: "bfloat16[N, 64]"}
weights: {w: {type: "bfloat16[40, 64]", init: 0.5}}
body:
  - y = x @ transpose(w)
)";

Tensor rows(int64_t count, double first, DType dtype = DType::kFloat32,
            int64_t columns = 4) {
  Tensor x(dtype, {count, columns});
  for (int64_t i = 0; i < x.numel(); ++i) x.set(i, first + double(i % 7));
  return x;
}

// The driver refuses a call as long as this lives.
class Refusal {
 public:
  explicit Refusal(const char* call) { setenv("LATHE_FAKE_FAIL", call, 1); }
  ~Refusal() { unsetenv("LATHE_FAKE_FAIL"); }
  Refusal(const Refusal&) = delete;
  Refusal& operator=(const Refusal&) = delete;
};

// All 40 columns of kGraphModel's results are half the sum of a row.
void check_products(const Tensor& x, const Tensor& found) {
  for (int64_t i = 0; i < found.numel(); ++i) {
    double sum = 0;
    for (int64_t k = 0; k < 64; ++k) sum += 0.5 * x.at(i / 40 * 64 + k);
    CHECK(found.at(i) == doctest::Approx(sum).epsilon(0.01));
  }
}

// kGraphModel on `count` rows, checked; what the driver then says of graphs.
class ProductRuns {
 public:
  std::string run(int64_t count, double first) {
    const Tensor x = rows(count, first, DType::kBFloat16, 64);
    check_products(x, model_->run({{"x", x}})[0].tensor);
    return log_.graphs();
  }

 private:
  const TempFolder folder_;
  DriverLog log_{folder_.file("log")};
  Engine engine_{fake_options(folder_)};
  std::unique_ptr<Executable> model_ =
      load_model(engine_, folder_.write("m.yaml", kGraphModel), "");
};

struct NoMessage {};

// A reporter that fails at the `nth` kernel that is compiled, counted from 1.
Reporter failing_at(int nth, int& kernels) {
  Reporter reporter;
  reporter.on_message = [nth, &kernels](ReportKind, const std::string& text) {
    if (text.find("is compiled by NVRTC") == std::string::npos) return;
    if (++kernels == nth) throw NoMessage();
  };
  return reporter;
}

}  // namespace

TEST_CASE("cuda graph: runs of one size become a graph at the second") {
  const TempFolder folder;
  const std::string file = folder.write("m.yaml", kModel);
  DriverLog log(folder.file("log"));
  Engine engine(fake_options(folder));
  Engine reference([&] {
    Options options = fake_options(folder);
    options.device = "reference";
    return options;
  }());
  auto model = load_model(engine, file, "");
  auto wanted = load_model(reference, file, "");
  const auto run = [&](int64_t count, double first) {
    const std::map<std::string, Tensor> inputs = {{"x", rows(count, first)}};
    const Tensor found = model->run(inputs)[0].tensor;
    const Tensor right = wanted->run(inputs)[0].tensor;
    for (int64_t i = 0; i < right.numel(); ++i) {
      CHECK(found.at(i) == doctest::Approx(right.at(i)).epsilon(1e-5));
    }
    return log.graphs();
  };
  CHECK_EQ(run(3, 0), "");
  CHECK_EQ(run(3, 1).substr(0, 9), "graph of ");
  CHECK_EQ(run(3, 2), "graph launch\n");
  // Other sizes have their own; those that come back are as they were.
  CHECK_EQ(run(2, 0), "");
  CHECK_EQ(run(2, 3).substr(0, 9), "graph of ");
  CHECK_EQ(run(3, 4), "graph launch\n");
  CHECK_EQ(run(2, 5), "graph launch\n");
  // Larger ones move inputs and temporaries, so graphs get new addresses.
  CHECK_EQ(run(40, 0), "");
  CHECK_EQ(run(3, 1), "graph updated\ngraph launch\n");
  CHECK_EQ(run(0, 1), "");
}

TEST_CASE("cuda graph: tensor maps follow the buffers that they show") {
  ProductRuns runs;
  CHECK_EQ(runs.run(150, 0), "");
  CHECK_EQ(runs.run(150, 1).substr(0, 9), "graph of ");
  CHECK_EQ(runs.run(300, 2), "");
  CHECK_EQ(runs.run(150, 3), "graph updated\ngraph launch\n");
}

TEST_CASE("cuda graph: a run after one without tensor maps has its own") {
  ProductRuns runs;
  runs.run(150, 0);
  runs.run(150, 1);
  // Moves the buffers.
  runs.run(300, 2);
  {
    const Refusal refusal("cuTensorMapEncodeTiled");
    CHECK_THROWS_AS(runs.run(150, 3), DeviceError);
  }
  CHECK_EQ(runs.run(150, 4), "graph updated\ngraph launch\n");
}

// Compiled in the first turn, from the cache in the second.
TEST_CASE("cuda graph: a kernel that could not be loaded is loaded later") {
  const TempFolder folder;
  const std::string file = folder.write("m.yaml", kGraphModel);
  for (int turn = 0; turn < 2; ++turn) {
    Engine engine(fake_options(folder));
    auto model = load_model(engine, file, "");
    const Tensor x = rows(150, turn, DType::kBFloat16, 64);
    {
      const Refusal refusal("cuModuleLoadData");
      CHECK_THROWS_AS(model->run({{"x", x}}), DeviceError);
    }
    check_products(x, model->run({{"x", x}})[0].tensor);
  }
}

// Threads that compile go on meanwhile. Of the model's kernels some rest until
// a run has many rows.
TEST_CASE("cuda graph: kernels are compiled though asking for them failed") {
  const TempFolder folder;
  const std::string file = folder.write("m.yaml", R"(lathe: 1
model: m
inputs: {x: "bfloat16[N, 64]"}
weights: {w: {type: "bfloat16[40, 64]", init: 0.5}, v: {type: "bfloat16[64]", init: 1.0}}
body:
  - y = (x @ transpose(w)) + sum(cast(x * v, float32), axis=-1, keepdims=true) * 0
)");
  int nth = 0;
  for (bool fails = true; fails;) {
    fails = false;
    int kernels = 0;
    Options options = fake_options(folder);
    options.cache_dir = folder.file(cat({"cache", ++nth}));
    Engine engine(options, failing_at(nth, kernels));
    CAPTURE(nth);
    std::unique_ptr<Executable> model;
    const auto load = [&] { model = load_model(engine, file, ""); };
    const Tensor x = rows(150, 1, DType::kBFloat16, 64);
    try {
      load();
    } catch (const NoMessage&) {
      fails = true;
      load();
    }
    try {
      check_products(x, model->run({{"x", x}})[0].tensor);
    } catch (const NoMessage&) {
      fails = true;
      check_products(x, model->run({{"x", x}})[0].tensor);
    }
  }
  CHECK_GT(nth, 2);
}

}  // namespace lathe
