// The binary with the stand-in for cuBLASLt: what it says of products and of
// calls that fail, and that it leaves nothing behind.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "tests/cuda/fake_run.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// A product that is large enough for cuBLASLt.
constexpr const char* kProduct = R"(lathe: 1
model: m
inputs: {x: "bfloat16[M, 512]"}
layers: {fc: {type: Linear, in_dim: 512, out_dim: 512, dtype: bfloat16}}
body: [y = fc(x)]
checkpoint: {init: {normal: {std: 0.02}, seed: 0}}
)";

}  // namespace

TEST_CASE("cuda device: calls of cuBLASLt that fail are named, none leaks") {
  const TempFolder folder;
  const std::string log = folder.file("log");
  const std::string file = folder.write("m.yaml", kProduct);
  const std::string run = "run -q '" + file + "' --device cuda -d M=129 --profile";
  const std::string to_log = " LATHE_FAKE_LOG='" + log + "'";
  const Said good = lathe(folder, run, to_log);
  CAPTURE(good.text);
  CHECK_EQ(good.status, 0);
  CHECK(holds(good.text, "library matmul"));
  CHECK(holds(file_bytes(log), "product 512x129x512 16x16 bits to 16"));
  CHECK(holds(file_bytes(log), "left: 0 bytes, 0 objects"));
  for (const std::string call :
       {"cublasLtCreate", "cublasLtMatmulDescCreate",
        "cublasLtMatmulDescSetAttribute", "cublasLtMatrixLayoutCreate",
        "cublasLtMatmulPreferenceCreate",
        "cublasLtMatmulPreferenceSetAttribute",
        "cublasLtMatmulAlgoGetHeuristic", "cublasLtMatmul"}) {
    CAPTURE(call);
    fs::remove(log);
    const Said said =
        lathe(folder, run, "LATHE_FAKE_FAIL=" + call + to_log);
    CAPTURE(said.text);
    CHECK_EQ(said.status, 3);
    CHECK(holds(said.text, "error[L0703]: " + call + " fails"));
    CHECK(holds(said.text, "with CUBLAS_STATUS_INTERNAL_ERROR: "));
    CHECK(holds(file_bytes(log), "left: 0 bytes, 0 objects"));
  }
  const Said said = lathe(
      folder, run, "LATHE_FAKE_FAIL=cublasLtMatmul LATHE_FAKE_STATUS=3");
  CHECK(holds(said.text, "error[L0702]: cublasLtMatmul fails for product fc ("));
  CHECK(holds(said.text, "m.yaml:5) with CUBLAS_STATUS_ALLOC_FAILED: "));
}

TEST_CASE("cuda device: what cuBLASLt refuses kernels compute") {
  const TempFolder folder;
  const std::string log = folder.file("log");
  const std::string file = folder.write("m.yaml", kProduct);
  const std::string run = "run -vv '" + file + "' --device cuda -d M=129";
  const Said said = lathe(folder, run,
                          "LATHE_FAKE_FAIL=cublasLtMatmulAlgoGetHeuristic "
                          "LATHE_FAKE_STATUS=15 LATHE_FAKE_LOG='" + log + "'");
  CAPTURE(said.text);
  CHECK_EQ(said.status, 0);
  CHECK(holds(said.text, "kernels of lathe compute fc ("));
  CHECK(holds(said.text, "cublasLtMatmulAlgoGetHeuristic answers "
                         "CUBLAS_STATUS_NOT_SUPPORTED: "));
  CHECK(holds(file_bytes(log), "left: 0 bytes, 0 objects"));
  CHECK(holds(lathe(folder, run, "LATHE_CUBLASLT=off").text,
              "LATHE_CUBLASLT is off"));
  const Said none =
      lathe(folder, run, "LATHE_CUBLASLT_LIB=/none/libcublasLt.so");
  CHECK_EQ(none.status, 0);
  CHECK(holds(none.text, "cannot load NVIDIA's matrix products, which "
                         "LATHE_CUBLASLT_LIB names"));
}

TEST_CASE("cuda device: a pack has its products, and runs without a library") {
  const TempFolder folder;
  const std::string log = folder.file("log");
  const std::string file = folder.write("m.yaml", kProduct);
  const std::string pack = "'" + folder.file("pack") + "'";
  REQUIRE_EQ(lathe(folder, "compile '" + file + "' --target sm_90a -o " + pack)
                 .status,
             0);
  const std::string run = "run -q " + pack + " -d M=129";
  const Said with = lathe(folder, run, "LATHE_FAKE_LOG='" + log + "'");
  CAPTURE(with.text);
  CHECK_EQ(with.status, 0);
  CHECK(holds(file_bytes(log), "product 512x129x512"));
  const Said without = lathe(folder, run, "LATHE_CUBLASLT=off");
  CHECK_EQ(without.status, 0);
  // Sums in another order: the mean of all may differ in its last digits.
  const auto values = [](const std::string& text) {
    return text.substr(text.find("[["));
  };
  CHECK_EQ(values(without.text), values(with.text));
}

TEST_CASE("cuda device: the fused graph and the kernels show products") {
  const TempFolder folder;
  const std::string file = folder.write("m.yaml", kProduct);
  const std::string wanted =
      "bfloat16[M, 512] by bfloat16[512, 512] to bfloat16, wanted where "
      "min(1, M // 129)";
  CHECK(holds(lathe(folder, "graph '" + file + "' --stage fused --device cuda")
                  .text,
              wanted));
  CHECK(holds(lathe(folder, "kernels '" + file + "' --device cuda").text,
              "a library: " + wanted));
}

}  // namespace lathe
