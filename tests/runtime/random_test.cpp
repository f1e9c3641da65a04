#include "runtime/random.h"

#include <doctest/doctest.h>

#include <cmath>

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
  double uniform = 0, sum = 0, squares = 0;
  for (uint64_t i = 0; i < n; ++i) {
    uniform += stream.uniform(i) / n;
    sum += stream.normal(i) / n;
    squares += stream.normal(i) * stream.normal(i) / n;
  }
  CHECK(std::abs(uniform - 0.5) < 0.01);
  CHECK(std::abs(sum) < 0.02);
  CHECK(std::abs(squares - 1) < 0.02);
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
