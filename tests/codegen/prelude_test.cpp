// Functions of the prelude, called from text written here.

#include "codegen/prelude.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "interpreter/tensor.h"
#include "runtime/host_compiler.h"
#include "runtime/object_file.h"
#include "spec/text.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

constexpr int kLanes = 16;
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kMost = 3.3895314e38f;  // the largest bfloat16

// A lane of dot_bf16: sum + a0 * b0 + a1 * b1.
struct Dot {
  float sum, a0, a1, b0, b1;
  float result;
};

const Dot kDots[] = {
    {1, 2, 3, 4, 5, 24},
    {0, -0.5f, 1, 8, 0.25f, -3.75f},
    {0, kNaN, 1, 1, 1, kNaN},
    {0, 1, kNaN, 1, 1, kNaN},
    {0, 1, 1, kNaN, 1, kNaN},
    {0, 1, 1, 1, kNaN, kNaN},
    {kNaN, 1, 1, 1, 1, kNaN},
    {0, kNaN, 1, 0, 1, kNaN},
    {1, kInf, 1, 2, 1, kInf},
    {1, 1, -2, 1, kInf, -kInf},
    {0, kInf, 1, 0, 1, kNaN},
    {0, 1, 0, 1, -kInf, kNaN},
    {0, kInf, kInf, 1, -1, kNaN},
    {kInf, -1, 1, kInf, 1, kNaN},
    {-kInf, 1, 1, 1, 1, -kInf},
    {0, kMost, 1, kMost, 1, kInf},
};
static_assert(std::size(kDots) == kLanes);

// All lanes share the left side, so each case is computed in all of them.
const char kText[] = R"(
extern "C" void dot(const Args* a, i64, i64) {
  f32v sum;
  __builtin_memcpy(&sum, a->buf[0], sizeof sum);
  dot_bf16(&sum, (const u16*)a->buf[1], a->buf[2]);
  __builtin_memcpy(a->buf[0], &sum, sizeof sum);
}
)";

std::shared_ptr<ObjectFile> compiled(const TempFolder& folder,
                                     const std::string& name,
                                     const std::string& before) {
  const std::string source =
      folder.write(name + ".cpp",
                   before + render_prelude(target_preset("avx512")) + kText);
  const std::string object = folder.file(name + ".so");
  const auto compiler = find_compiler(options_from_environment());
  REQUIRE(compiler);
  const CompileResult result = compile_object(*compiler, source, object, 120);
  REQUIRE_MESSAGE(result.ok, result.log);
  std::string reason;
  auto loaded = ObjectFile::open(object, reason);
  REQUIRE_MESSAGE(loaded != nullptr, reason);
  return loaded;
}

// Cases whose result is not the wanted one.
std::string wrong_dots(KernelFunction dot) {
  std::string out;
  for (const Dot& c : kDots) {
    std::vector<float> sums(kLanes, c.sum);
    const uint16_t left[] = {bfloat16_bits(c.a0), bfloat16_bits(c.a1)};
    std::vector<uint16_t> right;
    for (int lane = 0; lane < kLanes; ++lane) {
      right.push_back(bfloat16_bits(c.b0));
      right.push_back(bfloat16_bits(c.b1));
    }
    void* buffers[] = {sums.data(), const_cast<uint16_t*>(left), right.data()};
    const Args args = {buffers, nullptr, nullptr};
    dot(&args, 0, 1);
    for (float sum : sums) {
      const bool same = std::isnan(c.result) ? std::isnan(sum)
                                             : sum == c.result;
      if (same) continue;
      out += cat({std::to_string(c.sum), " + ", std::to_string(c.a0), " * ",
                  std::to_string(c.b0), " + ", std::to_string(c.a1), " * ",
                  std::to_string(c.b1), " is ", std::to_string(sum), "\n"});
      break;
    }
  }
  return out;
}

}  // namespace

// On machines without the instruction both are the portable body.
TEST_CASE("prelude: dot_bf16 carries infinities and NaN, either way") {
  TempFolder folder;
  const auto native = compiled(folder, "native", "");
  const auto portable =
      compiled(folder, "portable", "#undef __AVX512BF16__\n");
  CHECK_EQ(wrong_dots(native->find("dot")), "");
  CHECK_EQ(wrong_dots(portable->find("dot")), "");
}

}  // namespace lathe
