// Plain std::thread, no TBB and nothing else of the runtime, so that CI can
// build this under ThreadSanitizer: the data of the steps is not atomic.
#include "runtime/elastic_region.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

namespace lathe {
namespace {

// Step s fills its row: row[c] = 1 + the sum of the row before it.
struct Rows {
  std::vector<std::vector<int64_t>> rows;
  std::vector<int> closed;
  int last_step = 1 << 30;  // closing this one ends the region

  int64_t open(int step) {
    std::vector<int64_t>& row = rows[static_cast<size_t>(step)];
    std::fill(row.begin(), row.end(), 0);
    return static_cast<int64_t>(row.size());
  }
  void run(int step, int64_t chunk) {
    rows[static_cast<size_t>(step)][static_cast<size_t>(chunk)] +=
        1 + sum_before(step);
  }
  bool close(int step) {
    closed.push_back(step);
    return step < last_step;
  }

  int64_t sum_before(int step) const {
    int64_t sum = 0;
    if (step == 0) return sum;
    for (int64_t x : rows[static_cast<size_t>(step) - 1]) sum += x % 1000;
    return sum;
  }
};

Rows make_rows(const std::vector<size_t>& sizes) {
  Rows rows;
  for (size_t size : sizes) rows.rows.emplace_back(size, 0);
  return rows;
}

void run_on(int threads, ElasticRegion<Rows>& region) {
  region.restart();
  std::vector<std::thread> helpers;
  for (int i = 1; i < threads; ++i) {
    helpers.emplace_back([&] { region.participate(); });
  }
  region.participate();
  for (std::thread& helper : helpers) helper.join();
}

std::vector<std::vector<int64_t>> result_on(int threads,
                                            const std::vector<size_t>& sizes) {
  Rows work = make_rows(sizes);
  ElasticRegion<Rows> region(work, static_cast<int>(sizes.size()));
  run_on(threads, region);
  return work.rows;
}

const std::vector<size_t> kSizes = {7, 1, 0, 64, 0, 0, 3, 31, 2, 0};

}  // namespace

TEST_CASE("elastic region: any number of threads gives the same result") {
  const auto alone = result_on(1, kSizes);
  for (int threads = 2; threads <= 5; ++threads) {
    for (int round = 0; round < 50; ++round) {
      CHECK(result_on(threads, kSizes) == alone);
    }
  }
}

TEST_CASE("elastic region: steps close once and in order, empty ones too") {
  for (int threads : {1, 4}) {
    Rows work = make_rows(kSizes);
    ElasticRegion<Rows> region(work, static_cast<int>(kSizes.size()));
    run_on(threads, region);
    CHECK_EQ(work.closed, std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  }
}

TEST_CASE("elastic region: it may be restarted") {
  Rows work = make_rows(kSizes);
  ElasticRegion<Rows> region(work, static_cast<int>(kSizes.size()));
  const auto alone = result_on(1, kSizes);
  for (int round = 0; round < 50; ++round) {
    run_on(3, region);
    CHECK(work.rows == alone);
  }
}

TEST_CASE("elastic region: a step that fails ends it") {
  for (int last : {0, 2, 3, 9}) {  // steps 2 and 9 have no chunks
    for (int threads : {1, 4}) {
      Rows work = make_rows(kSizes);
      work.last_step = last;
      ElasticRegion<Rows> region(work, static_cast<int>(kSizes.size()));
      run_on(threads, region);
      CHECK_EQ(work.closed.back(), last);
      CHECK_EQ(work.closed.size(), static_cast<size_t>(last) + 1);
    }
  }
}

TEST_CASE("elastic region: one without steps, or without chunks, ends") {
  CHECK(result_on(2, {}).empty());
  CHECK_EQ(result_on(2, {0, 0}).size(), 2);
}

}  // namespace lathe
