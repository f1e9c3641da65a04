// One product on the stand-in for cuBLASLt, as a description and its buffers:
// what is computed, and that a description which is wrong does not go unseen.
#include <doctest/doctest.h>

#include <functional>
#include <random>
#include <vector>

#include "runtime/cuda/product_library.h"
#include "spec/check.h"
#include "spec/dtype.h"

namespace lathe::cuda {
namespace {

constexpr int64_t kProductRows = 130, kColumns = 144, kDepth = 640;
constexpr int64_t kDepthBlocks = kDepth / 128, kPadded = 8, kPaddedRows = 132;

Options library_options() {
  Options options;
  options.cuda_library = LATHE_FAKE_CUDA;
  options.blas_lt_library = LATHE_FAKE_CUDA;
  return options;
}

// Numbers of the GPU, which on the fake one may be read as they are.
class Buffer {
 public:
  Buffer(const StreamRef& stream, DType dtype, int64_t count)
      : dtype_(dtype), memory_(stream, count * size_of(dtype)) {
    std::mt19937 random(static_cast<unsigned>(count));
    std::uniform_real_distribution<double> real(-1, 1);
    for (int64_t i = 0; i < count; ++i) set(i, real(random));
  }
  uint64_t address() const { return memory_.get(); }
  double at(int64_t i) const { return load_scalar(dtype_, place(i)); }
  void set(int64_t i, double value) { store_scalar(dtype_, place(i), value); }

 private:
  char* place(int64_t i) const {
    return reinterpret_cast<char*>(memory_.get()) + i * size_of(dtype_);
  }
  DType dtype_;
  DeviceBytes memory_;
};

BoundProduct product_with(ProductScale left, ProductScale right) {
  BoundProduct product;
  product.form = {{DType::kFloat8E4M3FN, true, left},
                  {DType::kFloat8E4M3FN, true, right},
                  DType::kFloat32};
  product.rows = kProductRows;
  product.columns = kColumns;
  product.depth = kDepth;
  product.left_stride = product.right_stride = kDepth;
  product.result_stride = kColumns;
  return product;
}

// "right", "wrong", or why it is not computed. `change` is made to the
// description of a product whose buffers have the scales `left` and `right`.
std::string outcome(ProductScale left, ProductScale right,
                    const std::function<void(BoundProduct&)>& change = {}) {
  std::string reason;
  const DriverRef driver = Driver::load(library_options(), reason);
  REQUIRE(driver != nullptr);
  REQUIRE(driver->cuInit(0) == CUDA_SUCCESS);
  const auto context = std::make_shared<const Context>(driver, 0);
  const auto stream = std::make_shared<const Stream>(context);
  const auto library = open_product_library(library_options(), context, reason);
  REQUIRE(library != nullptr);

  const Buffer a(stream, DType::kFloat8E4M3FN, kProductRows * kDepth);
  const Buffer b(stream, DType::kFloat8E4M3FN, kColumns * kDepth);
  const Buffer s(stream, DType::kFloat32, kDepthBlocks * kPaddedRows);
  const Buffer t(stream, DType::kFloat32, 2 * kPadded * kColumns);
  const Buffer result(stream, DType::kFloat32, kProductRows * kColumns);
  const DeviceBytes workspace(stream, kProductWorkspace);
  BoundProduct product = product_with(left, right);
  if (change) change(product);
  try {
    const ProductPlan* plan = library->plan(product, reason);
    if (!plan) return reason.substr(reason.find("CUBLAS"), 27);
    plan->run(std::vector<uint64_t>{a.address(), b.address(),
                                    result.address(), s.address(),
                                    t.address(), workspace.get()},
              *stream, "a test");
  } catch (const DeviceError& error) {
    return error.what();
  }
  // Each number of the result by the definition.
  for (int64_t m = 0; m < kProductRows; ++m) {
    for (int64_t n = 0; n < kColumns; ++n) {
      double sum = 0;
      for (int64_t k = 0; k < kDepth; ++k) {
        const double left_scale = left == ProductScale::kLines
                                      ? s.at(m)
                                      : s.at(k / 128 * kPaddedRows + m);
        const double right_scale = right == ProductScale::kLines
                                       ? t.at(n)
                                       : t.at(n / 128 * kPadded + k / 128);
        sum += a.at(m * kDepth + k) * b.at(n * kDepth + k) * left_scale *
               right_scale;
      }
      if (std::abs(result.at(m * kColumns + n) - sum) > 1e-3) return "wrong";
    }
  }
  return "right";
}

constexpr ProductScale kLines = ProductScale::kLines;
constexpr ProductScale kScalar = ProductScale::kScalar;
constexpr ProductScale kDepth128 = ProductScale::kDepth128;
constexpr ProductScale kBlock128 = ProductScale::kBlock128;

constexpr const char* kOutside =
    "cublasLtMatmul fails for a test with CUBLAS_STATUS_INTERNAL_ERROR: a "
    "status of the fake cuBLASLt";

}  // namespace

TEST_CASE("product plan: lines and blocks have scales where they belong") {
  CHECK_EQ(outcome(kLines, kLines), "right");
  CHECK_EQ(outcome(kDepth128, kBlock128), "right");
}

TEST_CASE("product plan: a wrong description is refused or found out") {
  const auto of = [](const std::function<void(BoundProduct&)>& change) {
    return outcome(kLines, kLines, change);
  };
  // Lines that are further apart than they are.
  CHECK_EQ(of([](BoundProduct& p) { p.left_stride = kDepth + 16; }), kOutside);
  CHECK_EQ(of([](BoundProduct& p) { p.right_stride = kDepth + 16; }), kOutside);
  CHECK_EQ(of([](BoundProduct& p) { p.result_stride = kProductRows; }),
           "CUBLAS_STATUS_INVALID_VALUE");
  CHECK_EQ(of([](BoundProduct& p) { p.result_stride = kColumns + 4; }),
           kOutside);
  // Rows for columns.
  CHECK_EQ(of([](BoundProduct& p) {
             p.rows = kColumns;
             p.columns = kProductRows;
             p.result_stride = kProductRows + 2;
           }),
           "CUBLAS_STATUS_NOT_SUPPORTED");
  // Fewer products than there are.
  CHECK_EQ(of([](BoundProduct& p) { p.depth = kDepth - 16; }), "wrong");
  // Other scales than the buffers hold.
  CHECK_EQ(of([](BoundProduct& p) {
             p.form.left.scale = p.form.right.scale = kScalar;
           }),
           "wrong");
  CHECK_EQ(of([](BoundProduct& p) { p.form.left.scale = kDepth128; }),
           "CUBLAS_STATUS_NOT_SUPPORTED");
  CHECK_EQ(of([](BoundProduct& p) {
             p.form.left.scale = kDepth128;
             p.form.right.scale = kBlock128;
           }),
           "wrong");
  CHECK_EQ(outcome(kDepth128, kBlock128,
                   [](BoundProduct& p) { p.form.left.scale = kBlock128; }),
           "CUBLAS_STATUS_NOT_SUPPORTED");
  // A side that is not along the depth: no float8 is taken so.
  CHECK_EQ(of([](BoundProduct& p) { p.form.left.along_depth = false; }),
           "CUBLAS_STATUS_NOT_SUPPORTED");
  // Two sides of e5m2.
  CHECK_EQ(of([](BoundProduct& p) {
             p.form.left.dtype = p.form.right.dtype = DType::kFloat8E5M2;
           }),
           "CUBLAS_STATUS_NOT_SUPPORTED");
}

}  // namespace lathe::cuda
