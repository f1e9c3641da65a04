#include "runtime/cpu_schedule.h"

#include <doctest/doctest.h>

#include <numeric>

#include "runtime/cpu_device.h"
#include "tests/runtime/hand_program.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

// Kernels on `threads` threads; every launch takes the buffers 0 and 1.
struct Theatre {
  explicit Theatre(int threads) {
    Options options = options_from_environment();
    options.cache_dir = folder.file("cache");
    options.temp_dir = folder.path().string();
    options.threads = threads;
    device = make_cpu_device(options, {});
    std::vector<KernelSource> sources;
    for (const Kernel& kernel :
         {hand_kernel("add", "n1[i] += n0[i] + d0;", 2, 1),
          hand_kernel("turn",
                      "n0[i] = n1[(i * 7 + 3) % d0] % 1000003;", 2, 1),
          hand_kernel("refuse",
                      "if (i >= d0) { i64 none = -1;"
                      " if (__atomic_compare_exchange_n(&a->fault->site, &none,"
                      " 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))"
                      " a->fault->position = i; }",
                      2, 1)}) {
      sources.push_back({.name = kernel.name, .text = kernel.text});
    }
    module = device->compile(hand_prelude(), sources);
  }

  std::unique_ptr<LaunchList> list(std::vector<Launch> launches) {
    for (Launch& launch : launches) launch.buffers = {0, 1};
    return device->schedule(*module, std::move(launches));
  }

  TempFolder folder;
  std::unique_ptr<Device> device;
  std::unique_ptr<Module> module;
};

constexpr int kAdd = 0, kTurn = 1, kRefuse = 2;

struct Numbers {
  explicit Numbers(size_t count) : a(count), b(count) {
    std::iota(a.begin(), a.end(), 1);
  }
  std::optional<LaunchFault> run(LaunchList& list) {
    void* buffers[] = {a.data(), b.data()};
    return list.run(buffers, nullptr);
  }
  std::vector<int64_t> a, b;
};

}  // namespace

TEST_CASE("schedule: chunks follow items, work and threads") {
  CHECK_EQ(chunk_count(0, 1'000'000, 8), 0);
  CHECK_EQ(chunk_count(100, 1'000'000, 1), 1);
  CHECK_EQ(chunk_count(100, 10, 8), 1);
  CHECK_EQ(chunk_count(3, 1'000'000, 8), 3);
  CHECK_EQ(chunk_count(1000, 1'000'000, 8), 32);
}

TEST_CASE("schedule: any number of threads gives the same result") {
  constexpr int64_t kItems = 999;
  std::vector<Launch> launches;
  for (int i = 0; i < 100; ++i) {
    launches.push_back({.kernel = kAdd, .dims = {i}, .items = kItems,
                        .cost = i % 3 == 0 ? 10 : 1'000'000});
    launches.push_back({.kernel = kTurn, .dims = {kItems},
                        .items = i % 5 == 0 ? 0 : kItems, .cost = 1'000'000});
  }
  std::vector<int64_t> wanted;
  for (int threads : {1, 2, 4, 7}) {
    Theatre theatre(threads);
    auto list = theatre.list(launches);
    for (int round = 0; round < 20; ++round) {
      Numbers numbers(kItems);
      CHECK_FALSE(numbers.run(*list).has_value());
      if (wanted.empty()) wanted = numbers.a;
      CHECK(numbers.a == wanted);
    }
  }
}

TEST_CASE("schedule: the first fault ends the run and names its launch") {
  for (int threads : {1, 4}) {
    Theatre theatre(threads);
    auto list = theatre.list(
        {{.kernel = kAdd, .dims = {5}, .items = 64, .cost = 1'000'000},
         {.kernel = kRefuse, .dims = {41}, .items = 64, .cost = 1'000'000},
         {.kernel = kAdd, .dims = {5}, .items = 64, .cost = 1'000'000}});
    for (int round = 0; round < 20; ++round) {
      Numbers numbers(64);
      const auto fault = numbers.run(*list);
      REQUIRE(fault.has_value());
      CHECK_EQ(fault->launch, 1);
      CHECK_EQ(fault->fault.position, 41);
      CHECK_EQ(numbers.b[0], 6);  // the first launch alone
    }
  }
}

TEST_CASE("schedule: times every launch when asked") {
  Theatre theatre(2);
  auto list = theatre.list({{.kernel = kAdd, .dims = {1}, .items = 1000},
                          {.kernel = kAdd, .dims = {1}, .items = 0},
                          {.kernel = kAdd, .dims = {1}, .items = 1000}});
  Numbers numbers(1000);
  void* buffers[] = {numbers.a.data(), numbers.b.data()};
  std::vector<int64_t> nanoseconds;
  list->run(buffers, &nanoseconds);
  REQUIRE_EQ(nanoseconds.size(), 3);
  CHECK_GT(nanoseconds[0], 0);
  CHECK_GT(nanoseconds[2], 0);
}

TEST_CASE("schedule: one without launches runs") {
  Theatre theatre(2);
  Numbers numbers(1);
  CHECK_FALSE(numbers.run(*theatre.list({})).has_value());
}

}  // namespace lathe
