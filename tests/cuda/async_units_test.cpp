// What the emulator has for sm_90a: a kernel that fetches tiles and multiplies
// them gives the right product under every seed, and another result or an
// error with each planted mistake.
#include "tests/emulator/async_units.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "codegen/cuda/device_header.h"
#include "tests/emulator/emulated_object.h"

namespace lathe {
namespace {

constexpr uint64_t kCopySeeds = 6;
constexpr int kImageRows = 100, kImageColumns = 120, kImageDepth = 304;

// 128 x 128 sums of bfloat16 products in a ring of two stages; two items, the
// same tile. Rows, columns and depth end inside the tiles.
const char kKernel[] = R"(
extern "C" __global__ void __launch_bounds__(384) k(f32* out, i64 items, Args a,
    TENSOR_MAP(left_map, ""), TENSOR_MAP(right_map, "")) {
  u16* left = (u16*)shared_memory();
  u16* right = left + 2 * 8192;
  i64* full = (i64*)(right + 2 * 8192);
  i64* empty = full + 2;
  f32 sums[64];
  i64 worker = thread_index();
  for (i64 item = 0; item < items; ++item) {
    if (worker == 0) {
      for (int s = 0; s < 2; ++s) {
        start_barrier<1>(&full[s]);
        start_barrier<8>(&empty[s]);
      }
      fence_barriers();
    }
    barrier<384>();
    if (worker == 256) {
      for (i64 n = 0; n < 5; ++n) {
        if (n >= 2) await_phase(&empty[n % 2], (n / 2 + 1) % 2);
        expect_bytes<32768>(&full[n % 2]);
        fetch_tile(left + n % 2 * 8192, &left_map, &full[n % 2], n * 64, 0);
        fetch_tile(right + n % 2 * 8192, &right_map, &full[n % 2], n * 64, 0);
      }
    }
    if (worker < 256) {
      for (int i = 0; i < 64; ++i) sums[i] = 0;
      for (i64 n = 0; n < 5; ++n) {
        await_phase(&full[n % 2], n / 2 % 2);
        begin_products();
        for (int s = 0; s < 4; ++s) {
          tile_bf16(sums, left + n % 2 * 8192 + worker / 128 * 4096 + s * 16,
                    right + n % 2 * 8192 + s * 16, 1);
        }
        group_products();
        /* between */
        await_products<1>();
        if (n > 0 && worker % 32 == 0) arrive(&empty[(n + 1) % 2]);
      }
      await_products<0>();
      for (i64 i = 0; i < 64; ++i) {
        i64 row = worker / 32 * 16 + worker % 32 / 4 + i % 4 / 2 * 8;
        out[row * 128 + i / 4 * 8 + worker % 4 * 2 + i % 2] = sums[i];
      }
    }
    barrier<384>();
    if (worker == 0) {
      for (int s = 0; s < 2; ++s) {
        end_barrier(&full[s]);
        end_barrier(&empty[s]);
      }
    }
  }
}
)";

std::string replaced(std::string text, const std::string& from,
                     const std::string& to) {
  const size_t at = text.find(from);
  REQUIRE_NE(at, std::string::npos);
  return text.replace(at, from.size(), to);
}

// Small whole numbers, which bfloat16 and their sums have exactly.
float number(int line, int k) { return static_cast<float>((line * 7 + k * 3) % 11 - 5); }

std::vector<uint16_t> matrix(int lines) {
  std::vector<uint16_t> bits(size_t(lines) * kImageDepth);
  for (int l = 0; l < lines; ++l) {
    for (int k = 0; k < kImageDepth; ++k) {
      const float x = number(l, k);
      uint32_t all = 0;
      std::memcpy(&all, &x, sizeof all);
      bits[size_t(l) * kImageDepth + size_t(k)] =
          static_cast<uint16_t>(all >> 16);
    }
  }
  return bits;
}

EmulatedTensorMap map_of(const std::vector<uint16_t>& matrix, int lines) {
  EmulatedTensorMap map;
  map.base = reinterpret_cast<const unsigned char*>(matrix.data());
  map.depth = kImageDepth;
  map.lines = static_cast<uint64_t>(lines);
  map.stride = kImageDepth * 2;
  map.tile_depth = 64;
  map.tile_lines = 128;
  map.element = 2;
  map.swizzled = 1;
  return map;
}

float product(int row, int column) {
  if (row >= kImageRows || column >= kImageColumns) return 0;
  float sum = 0;
  for (int k = 0; k < kImageDepth; ++k)
    sum += number(row, k) * number(column, k);
  return sum;
}

// What is wrong under the first seed that shows it, or nothing.
std::string mistake_in(const std::string& text) {
  const EmulatedObject object(text);
  const auto left = matrix(kImageRows), right = matrix(kImageColumns);
  const EmulatedTensorMap maps[] = {map_of(left, kImageRows),
                                    map_of(right, kImageColumns)};
  for (uint64_t seed = 0; seed < kCopySeeds; ++seed) {
    std::vector<float> out(128 * 128, -1);
    const KernelParameters values = {
        reinterpret_cast<uint64_t>(out.data()), 2, 0,
        reinterpret_cast<uint64_t>(&maps[0]),
        reinterpret_cast<uint64_t>(&maps[1])};
    const KernelLaunch launch{
        .threads = 384, .workers = 384, .shared_bytes = 4 * 16384 + 32};
    std::string error = emulate_kernel(object.find("k"), launch, 1, values, seed);
    if (!error.empty()) return error;
    for (int i = 0; i < 128 * 128; ++i) {
      if (out[size_t(i)] != product(i / 128, i % 128)) return "another product";
    }
  }
  return "";
}

std::string with(const std::string& from, const std::string& to) {
  return mistake_in(cuda::device_header() + replaced(kKernel, from, to));
}

}  // namespace

TEST_CASE("async units: tiles are fetched and multiplied under every seed") {
  CHECK_EQ(mistake_in(cuda::device_header() + kKernel), "");
}

TEST_CASE("async units: mistakes of whoever waits for a phase show") {
  CHECK_NE(with("await_phase(&full[n % 2], n / 2 % 2);", ""), "");
  CHECK_NE(with("if (n >= 2) await_phase(&empty[n % 2], (n / 2 + 1) % 2);", ""),
           "");
  CHECK_NE(with("n / 2 % 2);", "(n / 2 + 1) % 2);"), "");
  CHECK_NE(with("(n / 2 + 1) % 2);", "n / 2 % 2);"), "");
}

TEST_CASE("async units: mistakes of whoever arrives show") {
  CHECK_NE(with("start_barrier<8>", "start_barrier<7>"), "");
  CHECK_NE(with("start_barrier<8>", "start_barrier<9>"), "");
  // A slow warp of a group still reads what its first warp has released.
  const std::string once = replaced(kKernel, "start_barrier<8>", "start_barrier<2>");
  CHECK_NE(mistake_in(cuda::device_header() +
                      replaced(once, "worker % 32 == 0", "worker % 128 == 0")),
           "");
  // Released before the products are done.
  CHECK_NE(with("(n + 1) % 2]);", "n % 2]);"), "");
  CHECK_NE(with("await_products<1>();", "await_products<2>();"), "");
}

TEST_CASE("async units: mistakes about copies show") {
  CHECK_NE(with("expect_bytes<32768>", "expect_bytes<16384>"), "");
  CHECK_NE(with("expect_bytes<32768>", "expect_bytes<65536>"), "");
  CHECK_NE(with("expect_bytes<32768>", "arrive"), "");
  CHECK_NE(with("fence_barriers();", "").find("not fenced"), std::string::npos);
  CHECK_NE(with("end_barrier(&full[s]);", "").find("has not ended"),
           std::string::npos);
  CHECK_NE(with("n * 64, 0", "n * 32, 0"), "");
  // Threads that write where the next item's copies land, and say so or not.
  const std::string end = "end_barrier(&full[s]);";
  const std::string write = end + " left[s] = 0;";
  CHECK_NE(with(end, write).find("without a fence"), std::string::npos);
  CHECK_EQ(with(end, write + " fence_copies();"), "");
  CHECK_NE(with("right + n % 2 * 8192, &right_map",
                "right + n % 2 * 8192 + 8, &right_map"), "");
}

TEST_CASE("async units: mistakes about products show") {
  CHECK_NE(with("begin_products();", "").find("without a fence"),
           std::string::npos);
  CHECK_NE(with("group_products();", ""), "");
  CHECK_NE(with("await_products<0>();", ""), "");
  CHECK_NE(with("/* between */", "sums[3] = 0;").find("touched"),
           std::string::npos);
  CHECK_NE(with("s * 16,\n", "s * 8,\n"), "");
  CHECK_NE(with("worker / 128 * 4096", "worker / 128 * 2048"), "");
  const std::string header = cuda::device_header();
  CHECK_NE(mistake_in(replaced(header, "(1024 >> 4)", "(512 >> 4)") + kKernel),
           "");
  CHECK_NE(mistake_in(replaced(header, "(u64)1 << 62", "(u64)2 << 62") + kKernel),
           "");
}

TEST_CASE("async units: tensor maps follow the driver's rules") {
  const auto lines = matrix(8);
  const EmulatedTensorMap good = map_of(lines, 8);
  CHECK_EQ(complaint_about(good), "");
  auto complaint = [&](auto change) {
    EmulatedTensorMap map = good;
    change(map);
    return complaint_about(map);
  };
  CHECK_EQ(complaint([](auto& m) { m.base += 8; }), "base");
  CHECK_EQ(complaint([](auto& m) { m.depth = 0; }), "depth");
  CHECK_EQ(complaint([](auto& m) { m.lines = 0; }), "lines");
  CHECK_EQ(complaint([](auto& m) { m.stride = 600; }), "stride");
  CHECK_EQ(complaint([](auto& m) { m.tile_lines = 257; }), "tile's lines");
  CHECK_EQ(complaint([](auto& m) { m.tile_depth = 128; }), "tile's bytes");
}

}  // namespace lathe
