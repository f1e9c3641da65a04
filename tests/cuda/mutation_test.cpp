// Mistakes planted in the text of generated kernels: under some seed the
// emulator gives another result, or an error.
#include <doctest/doctest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "codegen/compile.h"
#include "tests/emulator/emulated_object.h"
#include "tests/support/codegen_text.h"

namespace lathe {
namespace {

constexpr uint64_t kSeeds = 6;
constexpr int64_t kRows = 70;

// A product on tensor cores: several tiles for a block, and steps of k.
const char kProduct[] = R"(
inputs: {x: "bfloat16[B, 328]"}
weights: {w: "bfloat16[72, 328]"}
body:
  - y = cast(x, float32) @ transpose(cast(w, float32))
outputs: {y: y}
)";

// The same with codes that are converted on the way, and factors for groups.
const char kCodes[] = R"(
inputs: {x: "bfloat16[B, 256]"}
weights: {w: "uint8[72, 160]"}
body:
  - y = cast(x, float32) @ transpose(decode_q4_1(w))
outputs: {y: y}
)";

// A product with few rows, straight from memory; the depth has a rest.
const char kFewRows[] = R"(
inputs: {x: "bfloat16[5, 336]"}
weights: {w: "bfloat16[56, 336]"}
body:
  - y = cast(x, float32) @ transpose(cast(w, float32))
outputs: {y: y}
)";

// A row that a block shares, kept in shared memory between its phases.
const char kSoftmax[] = R"(
inputs: {x: "float32[B, 2500]"}
body:
  - p = softmax(x)
  - y = p - flip(p, axis=1)
outputs: {y: y}
)";

// One kernel, whose text may be changed, on numbers of its own.
class Mutant {
 public:
  explicit Mutant(const std::string& yaml)
      : program_(compile(graph_from(yaml), target_preset("sm_80"))) {
    const EmulatedObject object(program_.prelude + kernel().text);
    right_ = run(object, 0);
    for (uint64_t seed = 1; seed < kSeeds; ++seed) {
      CHECK(run(object, seed) == right_);
    }
  }

  // Whether some seed shows that `from` is `to`, the nth time that it stands
  // in the text.
  bool shows(const std::string& from, const std::string& to,
             int nth = 0) const {
    std::string text = kernel().text;
    size_t at = text.find(from);
    while (nth-- > 0) at = text.find(from, at + 1);
    REQUIRE_NE(at, std::string::npos);
    text.replace(at, from.size(), to);
    const EmulatedObject object(program_.prelude + text);
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      if (run(object, seed) != right_) return true;
    }
    return false;
  }

 private:
  const Step& step() const { return program_.steps.at(0); }
  const Kernel& kernel() const {
    return program_.kernels[size_t(step().kernel)];
  }

  // The output's bytes, or the error.
  std::string run(const EmulatedObject& object, uint64_t seed) const {
    const DimBindings dims = {{"B", kRows}};
    std::vector<Tensor> buffers;
    KernelParameters values = {};
    size_t next = 0;
    std::mt19937 random(1);
    std::uniform_real_distribution<double> real(-1, 1);
    std::uniform_int_distribution<int64_t> bits(INT32_MIN, INT32_MAX);
    for (int b : step().buffers) {
      const Buffer& buffer = program_.buffers[size_t(b)];
      Tensor& tensor =
          buffers.emplace_back(buffer.dtype, eval(buffer.shape, dims));
      const bool given = buffer.role != BufferRole::kOutput;
      for (int64_t i = 0; i < tensor.numel(); ++i) {
        if (given && is_int(buffer.dtype)) {
          tensor.set_int(i, bits(random));
        } else {
          tensor.set(i, given ? real(random) : 0);
        }
      }
      values[next++] = reinterpret_cast<uint64_t>(tensor.mutable_data());
    }
    for (const Dim& dim : step().dims) {
      values[next++] = static_cast<uint64_t>(dim.eval(dims));
    }
    const int64_t items = step().items.eval(dims);
    values[next] = static_cast<uint64_t>(items);
    // Two blocks: each goes on with further items.
    const std::string error =
        emulate_kernel(object.find(kernel().name), kernel().launch, items,
                       values, seed, 2);
    if (!error.empty()) return error;
    const Tensor& out = buffers.back();
    return {reinterpret_cast<const char*>(out.data()),
            static_cast<size_t>(out.bytes())};
  }

  Program program_;
  std::string right_;
};

}  // namespace

TEST_CASE("mutants: mistakes in a product on tensor cores show") {
  const Mutant product(kProduct);
  const std::string barrier = "barrier<256>();";
  // No waiting for the readers of the tile before; none for a step's writers.
  CHECK(product.shows(barrier, "", 0));
  CHECK(product.shows(barrier, "", 1));
  // Moves that are not awaited, that end elsewhere, that begin too late.
  CHECK(product.shows("await_moves<2>", "await_moves<3>"));
  CHECK(product.shows("floor_mod(number + 3, (i64)4)",
                      "floor_mod(number + 2, (i64)4)"));
  CHECK(product.shows("group_moves();", "", 1));
  // Lines at another distance, and a step of k left out.
  CHECK(product.shows("load_16x16<72>", "load_16x16<80>"));
  CHECK(product.shows("s < 4", "s < 3"));
}

TEST_CASE("mutants: mistakes in a product of codes show") {
  const Mutant product(kCodes);
  const std::string barrier = "barrier<256>();";
  for (const int nth : {0, 1, 2}) CHECK(product.shows(barrier, "", nth));
  // Factors of the step before, and bits of another code.
  CHECK(product.shows("of_groups[floor_mod(number + 1, (i64)2)",
                      "of_groups[floor_mod(number, (i64)2)"));
  CHECK(product.shows("& 983055", "& 983047"));
  CHECK(product.shows("small_bf16<0>", "small_bf16<1>"));
  CHECK(product.shows("left_sums[c] = (f32)0.0f", "left_sums[c] = left_sums[c]",
                      1));
}

TEST_CASE("mutants: mistakes in a product of few rows show") {
  const Mutant product(kFewRows);
  const std::string barrier = "barrier<256>();";
  CHECK(product.shows(barrier, "", 0));
  CHECK(product.shows(barrier, "", 1));
  // Another line, another pack, k in another order, the rest not left out.
  CHECK(product.shows("min_(line, (i64)4)", "min_(line + 1, (i64)4)"));
  CHECK(product.shows("in1[n_low * 336 + turn * 64", "in1[n_low * 336 + turn * 32"));
  CHECK(product.shows("move<8>(&b_part[0], &left_pack[u * 8 + s * 4]",
                      "move<8>(&b_part[0], &left_pack[u * 8 + 4 - s * 4]"));
  CHECK(product.shows("* 8 < 336", "* 8 < 344"));
  // Sums of warps that overlap.
  CHECK(product.shows("of_warps[warp * 128", "of_warps[warp * 64"));
}

TEST_CASE("mutants: mistakes in a row that a block shares show") {
  const Mutant softmax(kSoftmax);
  // What other threads have kept is read too early.
  CHECK(softmax.shows("barrier<256>();", "", 1));
  CHECK(softmax.shows("all_max<256>", "all_max<32>"));
  CHECK(softmax.shows("all_sum<256>", "all_sum<32>"));
}

}  // namespace lathe
