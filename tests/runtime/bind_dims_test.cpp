#include "runtime/bind_dims.h"

#include <doctest/doctest.h>

#include "runtime/arena_cache.h"
#include "runtime/machine.h"
#include "tests/support/error_text.h"

namespace lathe {
namespace {

using Sizes = std::vector<int64_t>;

InputInfo input(const std::string& name, Shape shape) {
  return {name, {DType::kFloat32, std::move(shape)}, {}, {}};
}

Tensor tensor(Sizes sizes) { return Tensor(DType::kFloat32, std::move(sizes)); }

// "B=2 T=5" for the inputs `x: [B, T]` and `y` of this shape.
std::string bound(const Shape& y_shape, Sizes x, Sizes y) {
  const Dim b = Dim::symbol("B"), t = Dim::symbol("T");
  std::string text;
  const std::string error = error_of([&] {
    const DimBindings dims =
        bind_dims({input("y", y_shape), input("x", {b, t})},
                  {{"x", tensor(std::move(x))}, {"y", tensor(std::move(y))}},
                  {});
    for (const auto& [name, size] : dims) {
      text += cat({text.empty() ? "" : " ", name, "=", size});
    }
  });
  return text.empty() ? error.substr(0, error.find('\n')) : text;
}

}  // namespace

TEST_CASE("bind: sizes come from the shapes") {
  const Dim b = Dim::symbol("B"), t = Dim::symbol("T"), s = Dim::symbol("S");
  CHECK_EQ(bound({b}, {2, 5}, {2}), "B=2 T=5");
  CHECK_EQ(bound({t + 1}, {2, 5}, {6}), "B=2 T=5");
  CHECK_EQ(bound({2 * s}, {2, 5}, {8}), "B=2 S=4 T=5");
  CHECK_EQ(bound({t + 3 * s + 1}, {2, 5}, {12}), "B=2 S=2 T=5");
  CHECK_EQ(bound({b}, {0, 0}, {0}), "B=0 T=0");
}

TEST_CASE("bind: contradictions name both inputs") {
  const Dim b = Dim::symbol("B"), t = Dim::symbol("T"), s = Dim::symbol("S");
  CHECK_EQ(bound({b}, {2, 5}, {3}),
           "error[L0402]: `B` is 3 in input `y` and 2 in input `x`");
  CHECK_EQ(bound({t + 1}, {2, 5}, {7}),
           "error[L0402]: input `y` wants a size of `T + 1` = 6 and gets 7");
  CHECK_EQ(bound({2 * s}, {2, 5}, {7}),
           "error[L0402]: no `S` gives `2*S` = 7");
  CHECK_EQ(bound({b}, {2, 5}, {2, 1}),
           "error[L0402]: input `y` wants 1 axis and gets 2");
}

TEST_CASE("bind: two inputs that disagree are named, not what -d repeats") {
  const Dim b = Dim::symbol("B");
  const auto message = [&](const DimBindings& given, Sizes x, Sizes y) {
    const std::string error = error_of([&] {
      bind_dims({input("x", {b}), input("y", {b})},
                {{"x", tensor(std::move(x))}, {"y", tensor(std::move(y))}},
                given);
    });
    return error.substr(0, error.find('\n'));
  };
  CHECK_EQ(message({{"B", 2}}, {2}, {3}),
           "error[L0402]: `B` is 2 in input `x` and 3 in input `y`");
  CHECK_EQ(message({{"B", 4}}, {2}, {2}),
           "error[L0402]: `B` is 4 in `-d` and 2 in input `x`");
  CHECK_EQ(message({{"B", 2}}, {2}, {2}), "no error");
}

TEST_CASE("arena: one more token finds the plan of the one before") {
  Program program;
  program.buffers.resize(2);
  ArenaCache cache(program);
  int made = 0;
  for (int64_t tokens = 1000; tokens < 1100; ++tokens) {
    const ArenaPlan& plan = cache.plan({tokens * 256, tokens * 64});
    made = cache.plans_made();
    CHECK_GE(plan.bytes, tokens * 320);
    CHECK_LE(plan.bytes, tokens * 320 * 9 / 8 + 128);
  }
  CHECK_LE(made, 4);
}

TEST_CASE("arena: size classes are multiples of 64, an eighth too large") {
  CHECK_EQ(size_class(0), 0);
  CHECK_EQ(size_class(1), 64);
  CHECK_EQ(size_class(512), 512);
  CHECK_EQ(size_class(513), 576);
  CHECK_EQ(size_class(1024), 1024);
  CHECK_EQ(size_class(1025), 1152);
  for (int64_t bytes = 1; bytes < 100'000; bytes += 7) {
    const int64_t rounded = size_class(bytes);
    REQUIRE_EQ(rounded % 64, 0);
    REQUIRE_GE(rounded, bytes);
    REQUIRE_EQ(size_class(rounded), rounded);
    REQUIRE_LE(rounded, std::max<int64_t>(bytes + 63, bytes * 9 / 8 + 1));
  }
  CHECK_EQ(size_class(INT64_MAX), INT64_MAX);
}

TEST_CASE("machine: it has cores, caches, memory and a target") {
  const Machine machine = describe_machine();
  CHECK_GE(machine.cores, 1);
  CHECK_GT(machine.l1_bytes, 1024);
  CHECK_GT(machine.memory_bytes, 1 << 20);
  CHECK_GT(available_memory(), 1 << 20);
  CHECK_FALSE(machine.identity.empty());
  CHECK_EQ(describe_machine().identity, machine.identity);
  const Target target = target_of(machine, 3);
  CHECK_EQ(target.name, machine.target);
  CHECK_EQ(target.threads, 3);
}

}  // namespace lathe
