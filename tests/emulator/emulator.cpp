#include "tests/emulator/emulator.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "tests/emulator/emulated_block.h"
#include "tests/emulator/emulator_api.h"

namespace lathe {
namespace {

using emulated::EmulatedBlock;
thread_local EmulatedBlock* current_block = nullptr;

// Who comes first is as the GPU likes: see emulator.h.
std::vector<unsigned> order_of_blocks(const EmulatedLaunch& launch) {
  std::vector<unsigned> order(launch.blocks);
  std::iota(order.begin(), order.end(), 0U);
  if (launch.seed == 1) std::reverse(order.begin(), order.end());
  if (launch.seed > 1) {
    std::shuffle(order.begin(), order.end(), std::mt19937_64(launch.seed));
  }
  return order;
}

}  // namespace

void emulated::thread_main() { current_block->run_thread(); }

std::string emulate(const EmulatedLaunch& launch,
                    const std::function<void()>& kernel) {
  EmulatedBlock block(launch, kernel);
  EmulatedBlock* outer = current_block;
  current_block = &block;
  std::string error;
  for (const unsigned b : order_of_blocks(launch)) {
    error = block.run(b);
    if (!error.empty()) break;
  }
  current_block = outer;
  return error;
}

const EmulatorApi& emulator_api() {
  static const EmulatorApi api = {
      .thread_index = [] { return current_block->current(); },
      .block_threads = [] { return current_block->launch().threads; },
      .block_index = [] { return current_block->index(); },
      .block_count = [] { return current_block->launch().blocks; },
      .shared_memory = [] { return current_block->shared(); },
      .warp_barrier = [](int line) { current_block->wait_for_warp(line); },
      .block_barrier = [](int line) { current_block->wait_for_block(line); },
      .exchange =
          [](const void* mine, void* theirs, unsigned bytes, unsigned from,
             int line) {
            current_block->exchange(mine, theirs, bytes, from, line);
          },
      .gather =
          [](const void* mine, void* all, unsigned bytes, int line) {
            current_block->gather(mine, all, bytes, line);
          },
      .after_predecessor = [] { current_block->after_predecessor(); },
      .begin_move =
          [](void* to, const void* from, unsigned bytes, int line) {
            current_block->begin_move({to, from, bytes}, line);
          },
      .group_moves = [] { current_block->group_moves(); },
      .await_moves = [](unsigned left) { current_block->await_moves(left); },
      .start_barrier =
          [](const void* barrier, unsigned arrivals, int line) {
            EmulatedBlock& block = *current_block;
            block.check(block.units().start_barrier(barrier, arrivals), line);
          },
      .end_barrier =
          [](const void* barrier, int line) {
            EmulatedBlock& block = *current_block;
            block.check(block.units().end_barrier(barrier), line);
          },
      .fence_barriers = [] { current_block->units().fence_barriers(); },
      .fence_copies = [] { current_block->units().fence_copies(); },
      .arrive = [](const void* barrier, unsigned bytes,
                   int line) { current_block->arrive(barrier, bytes, line); },
      .await_phase =
          [](const void* barrier, unsigned parity, int line) {
            current_block->await_phase(barrier, parity, line);
          },
      .fetch_tile =
          [](void* to, const void* map, const void* barrier, long long number,
             long long first_line, int line) {
            EmulatedBlock& block = *current_block;
            const auto& view = *static_cast<const EmulatedTensorMap*>(map);
            block.check(
                block.units().fetch(to, view, barrier, number, first_line),
                line);
          },
      .begin_products =
          [] {
            current_block->units().begin_products(current_block->current());
          },
      .add_product =
          [](const EmulatedTile* tile, int line) {
            EmulatedBlock& block = *current_block;
            block.wait_for_warp(line);
            block.check(block.units().add_product(block.current(), *tile),
                        line);
          },
      .group_products =
          [] {
            current_block->units().group_products(current_block->current());
          },
      .await_products =
          [](unsigned left, int line) {
            EmulatedBlock& block = *current_block;
            block.check(block.units().await_products(block.current(), left),
                        line);
            block.wait_for_warp(line);
          },
      .fail = [](const char* text,
                 int line) { current_block->fail(text, line); },
  };
  return api;
}

}  // namespace lathe
