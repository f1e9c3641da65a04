// Products that cuBLASLt computes, on the stand-in for it, in this process: that
// every mode gives the reference's result, and who computes what.
#include <doctest/doctest.h>

#include <cstdlib>
#include <functional>
#include <random>

#include "runtime/engine.h"
#include "tests/support/compare_tensors.h"
#include "tests/support/load_model.h"
#include "tests/support/paths.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

// A variable that the stand-in reads, for the length of a scope.
class Setting {
 public:
  Setting(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  ~Setting() { unsetenv(name_); }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  const char* name_;
};

std::map<std::string, Tensor> random_inputs(const Executable& model,
                                            int64_t rows) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> real(-1, 1);
  std::map<std::string, Tensor> inputs;
  for (const InputInfo& input : model.inputs()) {
    Tensor tensor(input.type.dtype, eval(input.type.shape, {{"M", rows}}));
    for (int64_t i = 0; i < tensor.numel(); ++i) tensor.set(i, real(random));
    inputs[input.name] = tensor;
  }
  return inputs;
}

// A model on the fake driver.
class Products {
 public:
  explicit Products(const std::string& yaml, bool library = true)
      : log_file_(folder_.file("log")), log_("LATHE_FAKE_LOG", log_file_) {
    options_ = options_from_environment();
    options_.cuda_library = LATHE_FAKE_CUDA;
    options_.nvrtc_library = LATHE_FAKE_CUDA;
    options_.blas_lt_library = LATHE_FAKE_CUDA;
    options_.use_blas_lt = library;
    options_.cache_dir = folder_.file("cache");
    file_ = folder_.write("m.yaml", "lathe: 1\nmodel: m\n" + yaml +
                                        "\ncheckpoint: {init: {uniform: {low: "
                                        "-1, high: 1}, seed: 3}}\n");
    model_ = load(engine_, "cuda");
  }

  // What differs from the reference, or nothing.
  std::string run(int64_t rows, int64_t terms = 512) {
    if (!reference_) reference_model_ = load(reference_, "reference");
    const auto inputs = random_inputs(*model_, rows);
    const auto wanted = reference_model_->run(inputs);
    const auto got = model_->run(inputs);
    std::string all;
    for (size_t i = 0; i < wanted.size(); ++i) {
      all += difference(got[i].tensor, wanted[i].tensor, terms);
    }
    return all;
  }

  // The lines of the stand-in that begin so, since the last call, without
  // `begin`.
  std::string said(const std::string& begin) {
    const std::string text = file_bytes(log_file_);
    std::string out;
    for (const std::string& line : split(text.substr(read_), '\n')) {
      if (line.starts_with(begin)) out += line.substr(begin.size()) + "\n";
    }
    read_ = text.size();
    return out;
  }

  Executable& model() { return *model_; }
  const std::vector<std::string>& details() const { return details_; }

 private:
  std::unique_ptr<Executable> load(std::unique_ptr<Engine>& engine,
                                   const std::string& device) {
    Options options = options_;
    options.device = device;
    options.profile = false;
    Reporter reporter;
    reporter.on_message = [this](ReportKind, const std::string& text) {
      if (text.starts_with("kernels of lathe")) details_.push_back(text);
    };
    engine = std::make_unique<Engine>(options, reporter);
    return load_model(*engine, file_, "");
  }

  TempFolder folder_;
  std::string log_file_;
  Setting log_;
  Options options_;
  std::string file_;
  size_t read_ = 0;
  std::vector<std::string> details_;
  std::unique_ptr<Engine> engine_, reference_;
  std::unique_ptr<Executable> model_, reference_model_;
};

// float8 on both sides; `closing` makes y of the product p.
std::string float8_model(const std::string& inputs, const std::string& weights,
                         const std::string& closing) {
  return "inputs: {x: \"float8_e4m3fn[M, 512]\"" + inputs +
         "}\nweights: {w: \"float8_e4m3fn[512, 512]\"" + weights +
         "}\nbody:\n  - p = cast(x, float32) @ transpose(cast(w, float32))\n" +
         "  - y = " + closing + "\n";
}

const std::string kScaledByLines = float8_model(
    ", s: \"float32[M]\"", ", t: \"float32[512]\", b: \"bfloat16[512]\"",
    "cast(p * s[:, None] * t, bfloat16) + b");

const std::string kBlocks = R"(
inputs: {x: "float8_e4m3fn[M, 640]", s: "float32[M, 5]"}
weights: {w: "float8_e4m3fn[528, 640]", t: "float32[5, 5]"}
body:
  - t = repeat_interleave(repeat_interleave(t, 128, axis=0), 128, axis=1)
  - a = cast(x, float32) * repeat_interleave(s, 128, axis=1)
  - y = cast(a @ transpose(cast(w, float32) * t[:528]), bfloat16)
)";

const std::string kGated = R"(
inputs: {x: "float32[M, 512]"}
weights: {g: "float32[256, 512]", u: "float32[256, 512]"}
body:
  - g = x @ transpose(g)
  - y = g * sigmoid(g) * (x @ transpose(u))
)";

}  // namespace

TEST_CASE("library products: every mode gives what the reference gives") {
  struct Row {
    const char* name;
    std::string yaml;
    int64_t rows;
    const char* said;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"bfloat16, bias and residual", R"(
inputs: {x: "bfloat16[M, 512]", r: "bfloat16[M, 640]"}
weights: {w: "bfloat16[640, 512]", b: "bfloat16[640]"}
body:
  - p = cast(x, float32) @ transpose(cast(w, float32)) + cast(b, float32)
  - y = cast(p + cast(r, float32), bfloat16)
)",
            130, "640x130x512 16x16 bits to 16, scales 0 0, bias\n"},
           {"bfloat16 to float32", R"(
inputs: {x: "bfloat16[2, M, 512]"}
weights: {w: "bfloat16[512, 512]"}
body:
  - y = cast(x, float32) @ transpose(cast(w, float32))
)",
            66, "512x132x512 16x16 bits to 32, scales 0 0\n"},
           {"two activations", R"(
inputs: {x: "float16[M, 512]", w: "float16[512, 512]"}
body: [y = x @ w]
)",
            129, "512x129x512 16x16 bits to 16, scales 0 0\n"},
           {"float8, scales as a whole",
            float8_model(", s: \"float32[]\"", ", t: \"float32[]\"",
                         "cast(p * s * t, bfloat16)"),
            129, "512x129x512 8x8 bits to 16, scales 0 0\n"},
           {"float8, scales by lines", kScaledByLines, 131,
            "512x131x512 8x8 bits to 16, scales 3 3, bias\n"},
           {"float8, scales by blocks", kBlocks, 135,
            "528x135x640 8x8 bits to 16, scales 5 4\n"},
           {"rows are rounded to codes before", R"(
inputs: {x: "bfloat16[M, 512]"}
values:
  f8: {type: Float8Config, weight_scale: {granularity: rowwise},
       input_scale: {granularity: token}}
layers:
  fc: {type: Linear, in_dim: 512, out_dim: 512, float8_config: f8}
body: [y = fc(x)]
)",
            130, "512x130x512 8x8 bits to 16, scales 3 3\n"},
           {"gate and up, closed by a kernel", kGated, 130,
            "256x130x512 32x32 bits to 32, scales 0 0\n"
            "256x130x512 32x32 bits to 32, scales 0 0\n"},
       }) {
    CAPTURE(row.name);
    Products products(row.yaml);
    CHECK_EQ(products.run(row.rows), "");
    CHECK_EQ(products.said("product "), row.said);
    // Captured for a graph, then launched as one.
    CHECK_EQ(products.run(row.rows), "");
    CHECK_EQ(products.said("product "), row.said);
  }
}

TEST_CASE("library products: few rows are for kernels of ours") {
  Products products(kScaledByLines);
  CHECK_EQ(products.run(128), "");
  CHECK_EQ(products.said("product "), "");
  CHECK_EQ(products.run(129), "");
  CHECK_EQ(products.said("heuristic "),
           "512x129x512 8x8 bits to 16, scales 3 3, bias\n");
  // What was asked for a shape is known.
  CHECK_EQ(products.run(40), "");
  CHECK_EQ(products.run(129), "");
  CHECK_EQ(products.said("heuristic "), "");
}

TEST_CASE("library products: without the library kernels compute the same") {
  Products off(kScaledByLines, false);
  CHECK_EQ(off.run(129), "");
  CHECK_EQ(off.said("product "), "");
  REQUIRE_EQ(off.details().size(), 1);
  const std::string& said = off.details()[0];
  CHECK_EQ(said.substr(0, 21), "kernels of lathe comp");
  CHECK(said.find("float8_e4m3fn[129, 512] scaled by lines by "
                  "float8_e4m3fn[512, 512] scaled by lines to bfloat16 plus "
                  "bfloat16 bias: LATHE_CUBLASLT is off") !=
        std::string::npos);
}

// The stand-in's answers are those of another version and of another GPU.
TEST_CASE("library products: a form that the library lacks is not asked for") {
  {
    const Setting old("LATHE_FAKE_BLAS_VERSION", "120800");
    Products products(kScaledByLines);
    CHECK_EQ(products.run(129), "");
    CHECK_EQ(products.said("heuristic "), "");
    REQUIRE_EQ(products.details().size(), 1);
    CHECK(products.details()[0].find(
              "cuBLASLt 120800 is too old, 120900 has it") !=
          std::string::npos);
  }
  const Setting other("LATHE_FAKE_SM", "89");
  Products products(kScaledByLines);
  CHECK_EQ(products.run(129), "");
  CHECK_EQ(products.said("heuristic "), "");
  CHECK(products.details().empty());
}

}  // namespace lathe
