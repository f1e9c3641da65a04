#include "runtime/random.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <vector>

namespace lathe {

TEST_CASE("random: numbers depend on seed, name and place alone") {
  RandomStream a(7, "x");
  CHECK_EQ(a.bits(0), RandomStream(7, "x").bits(0));
  CHECK_NE(a.bits(0), RandomStream(8, "x").bits(0));
  CHECK_NE(a.bits(0), RandomStream(7, "y").bits(0));
  // The documented formula, so that other programs can repeat it.
  CHECK_EQ(a.bits(0), 0xd05ffe27bb764641u);
}

TEST_CASE("random: moments are those of the distributions") {
  RandomStream stream(0, "w");
  const int n = 100000;
  double uniform = 0, sum = 0, squares = 0, fourth = 0;
  for (uint64_t i = 0; i < n; ++i) {
    const double normal = double{stream.normal(i)};
    uniform += stream.uniform(i) / n;
    sum += normal / n;
    squares += normal * normal / n;
    fourth += std::pow(normal, 4) / n;
  }
  CHECK(std::abs(uniform - 0.5) < 0.01);
  CHECK(std::abs(sum) < 0.02);
  CHECK(std::abs(squares - 1) < 0.02);
  CHECK(std::abs(fourth - 3) < 0.15);
}

TEST_CASE("random: a normal number has the probability of its bits") {
  // Of 2^31 steps on each side of 0; the distribution function says how many
  // lie further out.
  const auto check = [](uint32_t v) {
    const double p = (static_cast<double>(v) + 0.5) * 0x1p-32;
    const double z = double{normal_of(v)};
    const double density =
        std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
    CHECK(std::abs(std::erfc(z / std::numbers::sqrt2) / 2 - p) <
          2.5e-6 * density + 1e-12);
    CHECK_EQ(normal_of(v | 0x80000000), -normal_of(v));
  };
  for (uint32_t v = 0; v < 4000; ++v) check(v);
  for (uint32_t v = 0; v < 0x7fff0000; v += 65521) check(v);
  check(0x7fffffff);
}

TEST_CASE("random: normal numbers are the same on all machines") {
  CHECK_EQ(normal_of(0), 6.3379574f);
  CHECK_EQ(normal_of(0x12345678), 1.4675667f);
  CHECK_EQ(normal_of(0xffffffff), -7.1525574e-07f);
}

TEST_CASE("random: many at once are those that come one by one") {
  const RandomStream stream(5, "w");
  for (uint64_t first : {0u, 1u, 255u, 1000u}) {
    for (size_t count : {0u, 1u, 255u, 256u, 257u, 1024u}) {
      std::vector<float> many(count);
      stream.normals(first, many);
      for (size_t i = 0; i < count; ++i) {
        CHECK_EQ(many[i], stream.normal(first + i));
      }
    }
  }
  for (DType dtype : {DType::kFloat8E4M3FN, DType::kFloat16, DType::kBFloat16,
                      DType::kFloat32, DType::kFloat64}) {
    Tensor all(dtype, {70000});
    fill_normal(all, stream, 1, 0.5);
    int wrong = 0;
    for (int64_t i = 0; i < all.numel(); ++i) {
      Tensor one(dtype, {1});
      one.set(0, 1 + 0.5 * double{stream.normal(static_cast<uint64_t>(i))});
      wrong += all.at(i) != one.at(0);
    }
    CHECK_EQ(wrong, 0);
  }
}

TEST_CASE("random: integers are small and bools are 0 or 1") {
  Tensor ints = random_tensor(DType::kInt64, {1000}, 3, "ids");
  Tensor bools = random_tensor(DType::kBool, {1000}, 3, "mask");
  int64_t largest = 0, ones = 0;
  for (int64_t i = 0; i < 1000; ++i) {
    largest = std::max(largest, ints.int_at(i));
    CHECK(ints.int_at(i) >= 0);
    ones += bools.int_at(i);
  }
  CHECK_EQ(largest, 9);
  CHECK(std::abs(ones - 500) < 100);
}

}  // namespace lathe
