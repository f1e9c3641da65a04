#include <doctest/doctest.h>

#include <random>

#include "codegen/program.h"

namespace lathe {
namespace {

Buffer temporary(int first, int last) {
  Buffer buffer;
  buffer.first = first;
  buffer.last = last;
  return buffer;
}

}  // namespace

TEST_CASE("arena: a chain needs two blocks") {
  Program program;
  for (int i = 0; i < 6; ++i) program.buffers.push_back(temporary(i, i + 1));
  const ArenaPlan plan = plan_arena(program, std::vector<int64_t>(6, 640));
  CHECK_EQ(plan.bytes, 1280);
}

TEST_CASE("arena: only temporaries are placed") {
  Program program;
  program.buffers = {temporary(0, 1), temporary(0, 1)};
  program.buffers[0].role = BufferRole::kInput;
  const ArenaPlan plan = plan_arena(program, {0, 100});
  CHECK_EQ(plan.offsets[0], -1);
  CHECK_EQ(plan.offsets[1], 0);
  CHECK_EQ(plan.bytes, 100);
}

TEST_CASE("arena: what lives together never overlaps, and is aligned") {
  std::mt19937 random(3);
  for (int round = 0; round < 50; ++round) {
    Program program;
    std::vector<int64_t> sizes;
    for (int i = 0; i < 40; ++i) {
      const int first = static_cast<int>(random() % 30);
      program.buffers.push_back(
          temporary(first, first + static_cast<int>(random() % 6)));
      sizes.push_back(static_cast<int64_t>(random() % 5000));
    }
    const ArenaPlan plan = plan_arena(program, sizes);
    int wrong = 0;
    for (size_t a = 0; a < sizes.size(); ++a) {
      wrong += plan.offsets[a] % 64 != 0;
      wrong += plan.offsets[a] + sizes[a] > plan.bytes;
      for (size_t b = 0; b < a; ++b) {
        const Buffer& x = program.buffers[a];
        const Buffer& y = program.buffers[b];
        if (x.first > y.last || y.first > x.last) continue;
        wrong += plan.offsets[a] < plan.offsets[b] + sizes[b] &&
                 plan.offsets[b] < plan.offsets[a] + sizes[a];
      }
    }
    CHECK_EQ(wrong, 0);
  }
}

}  // namespace lathe
