#pragma once
// What works beside the threads of a block on sm_90a: barriers in shared
// memory, copies of tiles, and products of four warps.
//
// A tile lands as late as it may: when nobody can go on without it, or at some
// moment under random seeds, in any order; until then its place holds no
// number. Products happen when they are awaited, with what then lies in shared
// memory; until then their sums are no numbers, and nobody may touch them.

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "tests/emulator/emulator_api.h"
#include "tests/emulator/tensor_map.h"

namespace lathe {

class AsyncUnits {
 public:
  // The shared memory of a block.
  struct Shared {
    unsigned char* data = nullptr;
    size_t bytes = 0;
  };

  void start(Shared shared, unsigned threads);

  // Barriers. What is wrong, or null: literals, because a fiber that fails
  // destroys nothing.
  const char* start_barrier(const void* barrier, unsigned arrivals);
  const char* end_barrier(const void* barrier);
  void fence_barriers();
  const char* arrive(const void* barrier, unsigned bytes);
  // Whether a phase of this parity is complete.
  const char* is_complete(const void* barrier, unsigned parity,
                          bool& complete);

  // Copies.
  const char* fetch(void* to, const EmulatedTensorMap& map, const void* barrier,
                    int64_t number, int64_t line);
  // What threads have written so far may be written over.
  void fence_copies();
  size_t under_way() const { return tiles_.size(); }
  void land(size_t tile);

  // Products of a thread.
  void begin_products(unsigned thread) { of_[thread].fenced = true; }
  const char* add_product(unsigned thread, const EmulatedTile& tile);
  void group_products(unsigned thread);
  const char* await_products(unsigned thread, unsigned left);

  // Of a thread, and of the block, that has ended.
  const char* unfinished(unsigned thread) const;
  const char* unfinished() const;

 private:
  struct Barrier {
    unsigned parity = 0;
    int64_t arrivals = 0, missing = 0, bytes = 0;
    bool fenced = false;
  };
  struct Tile {
    unsigned char* to;
    EmulatedTensorMap map;
    const void* barrier;
    int64_t number, line;
  };
  // The sums of a product, which the thread cannot see.
  struct Sums {
    std::vector<float> numbers;
    int products = 0;  // that are not done
  };
  struct Products {
    bool fenced = false;
    std::vector<EmulatedTile> open;
    std::deque<std::vector<EmulatedTile>> groups;
    std::map<float*, Sums> sums;
  };

  const char* find(const void* barrier, Barrier*& found);
  static void advance(Barrier& barrier);
  unsigned char at(uint64_t descriptor, unsigned line, unsigned byte) const;
  void multiply(unsigned thread, const EmulatedTile& tile, float* sums) const;

  Shared shared_;
  std::map<const void*, Barrier> barriers_;
  std::vector<Tile> tiles_;
  std::vector<unsigned char> fenced_;  // shared memory as copies may find it
  std::vector<Products> of_;  // by thread
};

}  // namespace lathe
