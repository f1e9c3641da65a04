#include "spec/dim.h"

#include <doctest/doctest.h>

#include <random>

#include "spec/dim_poly.h"

namespace lathe {
namespace {

const Dim B = Dim::symbol("B");
const Dim T = Dim::symbol("T");

std::string text(const Dim& dim) { return dim.to_string(); }

template <typename Run>
std::string thrown_by(Run run) {
  try {
    run();
  } catch (const DimError& error) {
    return error.what();
  }
  return "nothing";
}

}  // namespace

TEST_CASE("dim: sums and products have one canonical form") {
  CHECK_EQ(text(2 * T + 1), "2*T + 1");
  CHECK_EQ(text(1 + T + T), "2*T + 1");
  CHECK_EQ((T + 1) * 2, 2 + T + T);
  CHECK_EQ(text((B + 1) * (T - 1)), "B*T - B + T - 1");
  CHECK_EQ(text(T - T), "0");
  CHECK_EQ(text(-T), "-T");
  CHECK_EQ(text(B * T * 64), "64*B*T");
  CHECK_EQ(text(T * B), "B*T");
  CHECK_EQ(text(T * T - 4), "T*T - 4");
  CHECK((B + T).symbols() == std::set<std::string>{"B", "T"});
  CHECK(T.is_symbol());
  CHECK_FALSE((T + 1).is_symbol());
  CHECK((T * 0).is_static());
}

TEST_CASE("dim: divisions simplify") {
  CHECK_EQ(text(floordiv(T, 4)), "T // 4");
  CHECK_EQ(text(floordiv(4 * T, 4)), "T");
  CHECK_EQ(text(floordiv(4 * T + 3, 4)), "T");
  CHECK_EQ(text(floordiv(4 * T + 8, 4)), "T + 2");
  CHECK_EQ(text(floordiv(6 * T, 4)), "T + T // 2");
  CHECK_EQ(text(floordiv(floordiv(T, 4), 2)), "T // 8");
  CHECK_EQ(text(floordiv(floordiv(T, 4) + 1, 2)), "(T + 4) // 8");
  CHECK_EQ(text(floordiv(B * T, T)), "B");
  CHECK_EQ(text(floordiv(B * T + B, T + 1)), "B");
  CHECK_EQ(text(floordiv(64 * B * T, 8 * B)), "8*T");
  CHECK_EQ(text(floordiv(T, B)), "T // B");
  CHECK_EQ(text(floordiv(mod(T, 8), 8)), "0");
  CHECK_EQ(text(floordiv(T, -4)), "(3*T) // 4 - T");
  CHECK_EQ(text(ceildiv(T, 4)), "(T + 3) // 4");
  CHECK_EQ(text(3 * floordiv(T, 4)), "3*(T // 4)");
}

TEST_CASE("dim: remainders are divisions, so that they cancel") {
  CHECK_EQ(floordiv(T, 8) * 8 + mod(T, 8), T);
  CHECK_EQ(text(mod(8 * T, 8)), "0");
  CHECK_EQ(text(mod(8 * T + 3, 8)), "3");
  CHECK_EQ(mod(mod(T, 8), 8), mod(T, 8));
  CHECK_EQ(text(mod(T, 4)), "T % 4");
  CHECK_EQ(text(mod(T + 1, 4) + B), "B + (T + 1) % 4");
  CHECK_EQ(text(2 * mod(T, 4)), "2*(T % 4)");
  CHECK_EQ(text(B - mod(T, 4)), "B - (T % 4)");
  CHECK_EQ(mod(T, 4).lower_bound(), 0);
  CHECK_EQ(mod(T, 4).upper_bound(), 3);
}

TEST_CASE("dim: minimum and maximum") {
  CHECK_EQ(text(min(T, 8)), "min(8, T)");
  CHECK_EQ(min(T, 8), min(8, T));
  CHECK_EQ(text(min(T, T + 1)), "T");
  CHECK_EQ(text(max(T, T + 1)), "T + 1");
  CHECK_EQ(text(max(T, 0)), "T");
  CHECK_EQ(text(min(3, 5)), "3");
  CHECK_EQ(min(T, 8).upper_bound(), 8);
  CHECK_EQ(max(T, 8).lower_bound(), 8);
}

TEST_CASE("dim: what can be proved") {
  CHECK(provably_equal(2 * (T + 1), 2 * T + 2));
  CHECK_FALSE(provably_equal(B, T));
  CHECK_FALSE(provably_different(B, T));
  CHECK(provably_different(T, T + 1));
  CHECK(provably_different(2 * T, 3));
  CHECK_FALSE(provably_different(2 * T, 4));
  CHECK(provably_different(T + 1, 0));
  CHECK_FALSE(provably_different(T, 0));
  CHECK(provably_different(4 * B + 6 * T, 2 * B + 3));
  CHECK(provably_at_least(B + T, T));
  CHECK_FALSE(provably_at_least(T, B));
  CHECK(provably_less(mod(T, 4), 4));
  CHECK(provably_less(floordiv(T, 4), T + 1));
}

TEST_CASE("dim: values and substitution") {
  Dim dim = floordiv(B * T + 1, 2) + max(B, 3);
  CHECK_EQ(dim.eval({{"B", 4}, {"T", 5}}), 14);
  CHECK_EQ(dim.substitute({{"B", 4}}).to_string(), "2*T + 4");
  CHECK_EQ(dim.substitute({{"B", 4}, {"T", 5}}), Dim(14));
  CHECK_EQ(dim.substitute({{"B", T}}), floordiv(T * T + 1, 2) + max(T, 3));
  CHECK_EQ(thrown_by([&] {
             dim.eval({{"B", 4}});
           }),
           "the dim `T` is not bound");
}

TEST_CASE("dim: overflow and division by zero are errors") {
  const Dim large = int64_t{1} << 62;
  const std::string overflow = "a size leaves the range of 64-bit integers";
  CHECK_EQ(thrown_by([&] { large* large; }), overflow);
  CHECK_EQ(thrown_by([&] { large + large; }), overflow);
  CHECK_EQ(thrown_by([&] { Dim(INT64_MIN) - 1; }), overflow);
  CHECK_EQ(thrown_by([&] { large* T * 4; }), overflow);
  CHECK_EQ(thrown_by([&] {
             (T * T).eval({{"T", int64_t{1} << 40}});
           }),
           overflow);
  CHECK_EQ(thrown_by([] { floordiv(T, 0); }), "a size is divided by 0");
  CHECK_EQ(thrown_by([] {
             floordiv(1, B).eval({{"B", 0}});
           }),
           "a size is divided by 0");
  CHECK_EQ(thrown_by([&] { numel({large, large}); }), overflow);
  CHECK_EQ(numel({large, large, 0}), Dim(0));
}

TEST_CASE("dim: shapes") {
  Shape shape = {B, 2 * T + 1, 64};
  CHECK_EQ(to_string(shape), "[B, 2*T + 1, 64]");
  CHECK_EQ(to_string(Shape{}), "[]");
  CHECK_EQ(text(numel(shape)), "128*B*T + 64*B");
  CHECK_EQ(to_string(row_major_strides(shape)), "[128*T + 64, 64, 1]");
  CHECK_FALSE(is_static(shape));
  CHECK(eval(shape, {{"B", 2}, {"T", 3}}) == std::vector<int64_t>{2, 7, 64});
}

namespace {

// A random dim together with a plain evaluation of how it was made.
struct Made {
  Dim dim;
  int64_t value;
};

int64_t plain_floordiv(int64_t a, int64_t b) {
  int64_t q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

Made random_dim(std::mt19937& random, int depth, const DimBindings& values) {
  if (depth == 0 || random() % 5 == 0) {
    if (random() % 2 == 0) {
      auto number = static_cast<int64_t>(random() % 21) - 8;
      return {number, number};
    }
    const char* names[] = {"A", "B", "C"};
    const char* name = names[random() % 3];
    return {Dim::symbol(name), values.at(name)};
  }
  Made a = random_dim(random, depth - 1, values);
  Made b = random_dim(random, depth - 1, values);
  switch (random() % 7) {
    case 0:
      return {a.dim + b.dim, a.value + b.value};
    case 1:
      return {a.dim - b.dim, a.value - b.value};
    case 2:
      return {a.dim * b.dim, a.value * b.value};
    case 3:
      return {min(a.dim, b.dim), std::min(a.value, b.value)};
    case 4:
      return {max(a.dim, b.dim), std::max(a.value, b.value)};
    case 5:
      if (b.value == 0 || b.dim == 0) return a;
      return {floordiv(a.dim, b.dim), plain_floordiv(a.value, b.value)};
    default:
      if (b.value == 0 || b.dim == 0) return a;
      return {mod(a.dim, b.dim),
              a.value - b.value * plain_floordiv(a.value, b.value)};
  }
}

}  // namespace

TEST_CASE("dim: canonical forms have the value of what they were made of") {
  std::mt19937 random(3);
  int checked = 0;
  for (int i = 0; i < 40000; ++i) {
    DimBindings values;
    for (const char* name : {"A", "B", "C"}) {
      values[name] = static_cast<int64_t>(random() % 7);
    }
    Made made;
    try {
      made = random_dim(random, 1 + static_cast<int>(random() % 4), values);
    } catch (const DimError&) {
      continue;  // larger than an int64 on the way
    }
    CAPTURE(made.dim.to_string());
    int64_t value = 0;
    try {
      value = made.dim.eval(values);
    } catch (const DimError&) {
      continue;  // a divisor that cancelled elsewhere is 0 here
    }
    REQUIRE_EQ(value, made.value);
    if (auto low = made.dim.lower_bound()) REQUIRE_LE(*low, value);
    if (auto high = made.dim.upper_bound()) REQUIRE_GE(*high, value);
    DimSubstitution constants;
    for (const auto& [name, number] : values) constants[name] = number;
    try {
      REQUIRE_EQ(made.dim.substitute(constants), Dim(value));
    } catch (const DimError&) {
    }
    ++checked;
  }
  CHECK_GE(checked, 20000);
}

TEST_CASE("dim: proofs hold for all values") {
  std::mt19937 random(5);
  DimBindings seven = {{"A", 7}, {"B", 7}, {"C", 7}};
  for (int i = 0; i < 4000; ++i) {
    Made a, b;
    try {
      a = random_dim(random, 2, seven);
      b = random_dim(random, 2, seven);
      for (int k = 0; k < 10; ++k) {
        DimBindings values;
        for (const char* name : {"A", "B", "C"}) {
          values[name] = static_cast<int64_t>(random() % 9);
        }
        int64_t x = a.dim.eval(values), y = b.dim.eval(values);
        CAPTURE(a.dim.to_string());
        CAPTURE(b.dim.to_string());
        if (provably_equal(a.dim, b.dim)) REQUIRE_EQ(x, y);
        if (provably_different(a.dim, b.dim)) REQUIRE_NE(x, y);
        if (provably_at_least(a.dim, b.dim)) REQUIRE_GE(x, y);
        if (provably_less(a.dim, b.dim)) REQUIRE_LT(x, y);
      }
    } catch (const DimError&) {
      continue;
    }
  }
}

}  // namespace lathe
