// The emulator catches what it is there for: kernels with a planted mistake
// give another result, or an error that names the line, under some seed.
#include "tests/emulator/emulator.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "codegen/cuda/device_header.h"
#include "codegen/kernel_abi.h"
#include "tests/emulator/emulated_object.h"

namespace lathe {
namespace {

constexpr uint64_t kSeeds = 8;
constexpr int kThreads = 128;

// A kernel `k(const f32* in, f32* out, i64 items, Args a)` for 128 threads,
// with line numbers that begin at its first line.
class KernelUnderTest {
 public:
  explicit KernelUnderTest(const std::string& body)
      : object_(cuda::device_header() +
                "\n#line 1 \"k\"\nextern \"C\" __global__ void "
                "__launch_bounds__(128) k(const f32* in, f32* out, "
                "i64 items, Args a) {\n" +
                body + "}\n") {}

  // The output, or the error.
  std::string run(uint64_t seed, std::vector<float>& out) const {
    std::vector<float> in(4 * kThreads);
    std::iota(in.begin(), in.end(), 1.0f);
    out.assign(4 * kThreads, 0);
    KernelParameters values = {reinterpret_cast<uint64_t>(in.data()),
                               reinterpret_cast<uint64_t>(out.data()),
                               kThreads};
    const KernelLaunch launch{.threads = kThreads, .shared_bytes = 4096};
    return emulate_kernel(object_.find("k"), launch, kThreads, values, seed);
  }

  // What different seeds give: errors, and results by their first numbers.
  std::set<std::string> outcomes() const {
    std::set<std::string> found;
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      std::vector<float> out;
      std::string error = run(seed, out);
      if (error.empty()) {
        for (int i = 0; i < kThreads; ++i) {
          const float value = out[size_t(i)];
          error += std::isnan(value) ? "nan"
                                     : std::to_string(static_cast<int>(value));
          error += " ";
        }
      }
      found.insert(error);
    }
    return found;
  }

 private:
  EmulatedObject object_;
};

// Every thread reads what its mirror image wrote to shared memory.
std::string mirror(const std::string& between) {
  return "  f32* row = (f32*)shared_memory();\n"
         "  u32 t = thread_index();\n"
         "  row[t] = in[t];\n" +
         between + "  out[t] = row[127 - t];\n";
}

}  // namespace

TEST_CASE("emulator: a kernel with its barrier gives one result") {
  const auto outcomes = KernelUnderTest(mirror("  barrier<128>();\n")).outcomes();
  REQUIRE_EQ(outcomes.size(), 1);
  CHECK_EQ(outcomes.begin()->substr(0, 12), "128 127 126 ");
}

TEST_CASE("emulator: a missing barrier shows") {
  CHECK_GT(KernelUnderTest(mirror("")).outcomes().size(), 1);
}

TEST_CASE("emulator: a barrier of the warp is not one of the block") {
  CHECK_GT(KernelUnderTest(mirror("  barrier<32>();\n")).outcomes().size(), 1);
}

TEST_CASE("emulator: an array used again needs a second barrier") {
  // Reads of the first round meet writes of the second.
  const std::string body =
      "  f32* row = (f32*)shared_memory();\n"
      "  u32 t = thread_index();\n"
      "  f32 sum = 0;\n"
      "  for (int r = 0; r < 4; ++r) {\n"
      "    row[t] = in[t + r * 128];\n"
      "    barrier<128>();\n"
      "    sum += row[127 - t];\n";
  const std::string end = "  }\n  out[t] = sum;\n";
  CHECK_EQ(KernelUnderTest(body + "    barrier<128>();\n" + end)
               .outcomes()
               .size(),
           1);
  CHECK_GT(KernelUnderTest(body + end).outcomes().size(), 1);
}

TEST_CASE("emulator: memory that nobody wrote is no number") {
  std::vector<float> out;
  const KernelUnderTest kernel(
      "  u32 t = thread_index();\n"
      "  out[t] = ((f32*)shared_memory())[t];\n");
  CHECK_EQ(kernel.run(0, out), "");
  CHECK(out[5] != out[5]);
}

TEST_CASE("emulator: threads at different barriers are named") {
  std::vector<float> out;
  const KernelUnderTest kernel(
      "  if (thread_index() < 64) {\n"
      "    barrier<128>();\n"
      "  } else {\n"
      "    barrier<128>();\n"
      "  }\n");
  const std::string error = kernel.run(0, out);
  CHECK_NE(error.find("threads meet at different barriers, at line 3 and, "
                      "at line 5"),
           std::string::npos);
}

TEST_CASE("emulator: threads that wait in vain are an error, not a hang") {
  std::vector<float> out;
  const KernelUnderTest kernel(
      "  if (thread_index() == 40) {\n"
      "    barrier<128>();\n"
      "  } else {\n"
      "    barrier<32>();\n"
      "    barrier<128>();\n"
      "  }\n");
  CHECK_EQ(kernel.run(0, out).substr(0, 18), "block 0: deadlock:");
}

TEST_CASE("emulator: a move off its alignment is an error") {
  std::vector<float> out;
  const KernelUnderTest kernel("  move<16>(&out[0], &in[1]);\n");
  CHECK_EQ(kernel.run(0, out),
           "block 0: thread 0: a move is not aligned, at line 2");
}

TEST_CASE("emulator: a move beside the thread lands where it is awaited") {
  auto kernel = [](const std::string& left, const std::string& meet) {
    return "  f32* row = (f32*)shared_memory();\n"
           "  u32 t = thread_index();\n"
           "  clear<4>(&row[t]);\n"
           "  move_async<4>(&row[t], &in[t]);\n"
           "  group_moves();\n"
           "  move_async<16>(&row[t * 4 + 128], &in[t * 4]);\n"
           "  group_moves();\n"
           "  await_moves<" + left + ">();\n" + meet +
           "  out[t] = row[127 - t];\n";
  };
  const std::string meet = "  barrier<128>();\n";
  const auto right = KernelUnderTest(kernel("1", meet)).outcomes();
  REQUIRE_EQ(right.size(), 1);
  CHECK_EQ(right.begin()->substr(0, 12), "128 127 126 ");
  CHECK_EQ(KernelUnderTest(kernel("0", meet)).outcomes(), right);
  // Awaited too late, and by the own thread only.
  CHECK_NE(KernelUnderTest(kernel("2", meet)).outcomes(), right);
  CHECK_GT(KernelUnderTest(kernel("1", "")).outcomes().size(), 1);
}

TEST_CASE("emulator: warps and blocks combine alike under every seed") {
  const auto outcomes =
      KernelUnderTest(
          "  u32 t = thread_index();\n"
          "  i64 at = t;\n"
          "  f32 best = in[127 - t];\n"
          "  f32 sum = all_sum<128>(in[t]);\n"
          "  all_argmax<128>(best, at);\n"
          "  f32 of_warp = all_max<32>(in[t]) + all_min<32>(in[t]);\n"
          "  f32 of_four = all_sum<4>(in[t]);\n"
          "  out[t] = t == 0 ? sum : t == 1 ? best : t == 2 ? (f32)at\n"
          "                   : t < 8 ? of_four : of_warp;\n")
          .outcomes();
  REQUIRE_EQ(outcomes.size(), 1);
  // 1 + ... + 128; the largest and where it is; of four neighbours; 1 + 32.
  CHECK_EQ(outcomes.begin()->substr(0, 31), "8256 128 0 10 26 26 26 26 33 33");
}

TEST_CASE("emulator: right sides of a product, as they lie and across") {
  // M[r][k], and its mirror image; each result is M times the image.
  const std::string product =
      "  u16* m = (u16*)shared_memory(), *image = m + 16 * 24;\n"
      "  u32 t = thread_index(), lane = t % 32;\n"
      "  for (u32 i = t; i < 256; i += 128) {\n"
      "    f32 x = (f32)(i / 16 * 3 + i % 16 * 5) - (f32)(i % 7) * 16.0f;\n"
      "    store_bf16(&m[i / 16 * 24 + i % 16], x);\n"
      "    store_bf16(&image[i % 16 * 24 + i / 16], x);\n"
      "  }\n"
      "  barrier<128>();\n"
      "  i32 l[4], b[4];\n"
      "  f32 sum[8] = {};\n"
      "  load_16x16<24>(l, m);\n";
  const std::string end =
      "  mma_bf16(sum, l, b);\n"
      "  mma_bf16(sum + 4, l, b + 2);\n"
      "  out[t] = sum[t / 32 * 2] + sum[t / 32 * 2 + 1] * 7;\n";
  const auto straight =
      KernelUnderTest(product + "  load_two_8x16<24>(b, m);\n" + end)
          .outcomes();
  CHECK_EQ(straight.size(), 1);
  CHECK_EQ(KernelUnderTest(product +
                           "  load_16x16_across<24>(b, image);\n" + end)
               .outcomes(),
           straight);
}

TEST_CASE("emulator: what rounding leaves completes a number") {
  std::vector<float> out;
  const KernelUnderTest kernel(
      "  u32 t = thread_index();\n"
      "  f32 x[8];\n"
      "  for (int i = 0; i < 8; ++i) x[i] = in[(t + i) % 128] / 3;\n"
      "  i32 whole[4], rest[4];\n"
      "  pack_bf16(whole, x);\n"
      "  pack_rest_bf16(rest, x);\n"
      "  u32 shift = t % 2 * 16;\n"
      "  f32 high = decode_bf16<f32, u32>((u32)whole[1] >> shift & 0xffffu);\n"
      "  f32 low = decode_bf16<f32, u32>((u32)rest[1] >> shift & 0xffffu);\n"
      "  out[t] = (high + low) / x[2 + t % 2] - 1;\n"
      "  out[t + 128] = high / x[2 + t % 2] - 1;\n");
  CHECK_EQ(kernel.run(0, out), "");
  float fine = 0, coarse = 0;
  for (size_t t = 0; t < kThreads; ++t) {
    fine = std::max(fine, std::abs(out[t]));
    coarse = std::max(coarse, std::abs(out[t + kThreads]));
  }
  CHECK_LT(fine, 0x1p-16);
  CHECK_GT(coarse, 0x1p-10);
}

TEST_CASE("emulator: a dropped shuffle shows") {
  const std::string start =
      "  u32 t = thread_index();\n"
      "  f32 x = in[t];\n";
  std::string sum = start, wrong = start;
  for (const std::string mask : {"16", "8", "4", "2", "1"}) {
    sum += "  x += shuffle_xor(x, " + mask + ");\n";
    if (mask != "4") wrong += "  x += shuffle_xor(x, " + mask + ");\n";
  }
  CHECK_NE(KernelUnderTest(sum + "  out[t] = x;\n").outcomes(),
           KernelUnderTest(wrong + "  out[t] = x;\n").outcomes());
}

TEST_CASE("emulator: of several wrong indices the first place is told") {
  const EmulatedObject object(
      cuda::device_header() +
      "extern \"C\" __global__ void __launch_bounds__(128) k(const f32* in, "
      "f32* out, i64 items, Args a) {\n"
      "  i64 t = thread_index();\n"
      "  out[t] = in[checked(a, t == 9 || t == 70 ? 1000 + t : t, 128, 0, "
      "t)];\n}\n");
  std::vector<float> in(kThreads), out(kThreads);
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Fault fault;
    KernelParameters values = {reinterpret_cast<uint64_t>(in.data()),
                               reinterpret_cast<uint64_t>(out.data()),
                               kThreads, reinterpret_cast<uint64_t>(&fault)};
    CHECK_EQ(emulate_kernel(object.find("k"), {.threads = kThreads}, kThreads,
                            values, seed),
             "");
    CHECK_EQ(fault.position, 9);
    CHECK_EQ(fault.value, 1009);
  }
}

}  // namespace lathe
