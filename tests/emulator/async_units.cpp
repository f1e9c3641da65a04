#include "tests/emulator/async_units.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace lathe {
namespace {

constexpr unsigned kWarp = 32, kWarps = 4;
constexpr size_t kSums = 64;  // of a thread
// A product takes so many bytes of each line.
constexpr unsigned kBytes = 32, kSpan = 128;

// Pieces of 16 bytes change places within eight lines of 128 bytes.
uint64_t swizzled(uint64_t offset) {
  return offset ^ ((offset >> 7 & 7) << 4);
}

bool is_untouched(const float* sums) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(sums);
  return std::all_of(bytes, bytes + kSums * sizeof(float),
                     [](unsigned char b) { return b == 0xff; });
}

}  // namespace

std::string complaint_about(const EmulatedTensorMap& map) {
  const uint64_t most = uint64_t{1} << 32;
  const uint64_t line = uint64_t{map.tile_depth} * map.element;
  if (reinterpret_cast<uintptr_t>(map.base) % 16 != 0) return "base";
  if (map.depth == 0 || map.depth > most) return "depth";
  if (map.lines == 0 || map.lines > most) return "lines";
  if (map.stride % 16 != 0 || map.stride >= uint64_t{1} << 40) return "stride";
  if (map.tile_depth == 0 || map.tile_depth > 256) return "tile's depth";
  if (map.tile_lines == 0 || map.tile_lines > 256) return "tile's lines";
  if (line % 16 != 0 || (map.swizzled && line > kSpan)) return "tile's bytes";
  return "";
}

void AsyncUnits::start(Shared shared, unsigned threads) {
  shared_ = shared;
  barriers_.clear();
  tiles_.clear();
  of_.assign(threads, {});
  fence_copies();
}

// --- barriers ---

const char* AsyncUnits::find(const void* barrier, Barrier*& found) {
  const auto at = barriers_.find(barrier);
  if (at == barriers_.end()) return "no barrier was started here";
  found = &at->second;
  return nullptr;
}

const char* AsyncUnits::start_barrier(const void* barrier, unsigned arrivals) {
  const auto* at = static_cast<const unsigned char*>(barrier);
  if (at < shared_.data || at + 8 > shared_.data + shared_.bytes ||
      reinterpret_cast<uintptr_t>(at) % 8 != 0) {
    return "a barrier is not 8 bytes of shared memory";
  }
  if (arrivals == 0) return "a barrier waits for nobody";
  Barrier made;
  made.arrivals = made.missing = arrivals;
  if (!barriers_.emplace(barrier, made).second) {
    return "a barrier is started that has not ended";
  }
  return nullptr;
}

const char* AsyncUnits::end_barrier(const void* barrier) {
  return barriers_.erase(barrier) == 1 ? nullptr : "no barrier was started here";
}

void AsyncUnits::fence_barriers() {
  for (auto& entry : barriers_) entry.second.fenced = true;
}

void AsyncUnits::advance(Barrier& barrier) {
  if (barrier.missing > 0 || barrier.bytes != 0) return;
  barrier.parity ^= 1;
  barrier.missing = barrier.arrivals;
}

const char* AsyncUnits::arrive(const void* barrier, unsigned bytes) {
  Barrier* found = nullptr;
  if (const char* wrong = find(barrier, found)) return wrong;
  if (found->missing == 0) return "more arrive than the barrier waits for";
  --found->missing;
  found->bytes += bytes;
  advance(*found);
  return nullptr;
}

const char* AsyncUnits::is_complete(const void* barrier, unsigned parity,
                                    bool& complete) {
  Barrier* found = nullptr;
  if (const char* wrong = find(barrier, found)) return wrong;
  complete = found->parity != parity;
  return nullptr;
}

// --- copies ---

const char* AsyncUnits::fetch(void* to, const EmulatedTensorMap& map,
                              const void* barrier, int64_t number,
                              int64_t line) {
  Barrier* found = nullptr;
  if (const char* wrong = find(barrier, found)) return wrong;
  if (!found->fenced) return "a copy counts for a barrier that is not fenced";
  if (map.magic != EmulatedTensorMap::kMagic) return "this is no tensor map";
  auto* first = static_cast<unsigned char*>(to);
  const size_t bytes = size_t{map.tile_depth} * map.tile_lines * map.element;
  if (first < shared_.data || first + bytes > shared_.data + shared_.bytes ||
      (first - shared_.data) % kSpan != 0) {
    return "a tile does not end in shared memory, at 128 bytes";
  }
  unsigned char* fenced = fenced_.data() + (first - shared_.data);
  if (std::memcmp(first, fenced, bytes) != 0) {
    return "a copy writes over what threads have written, without a fence";
  }
  std::memset(first, 0xff, bytes);
  std::memset(fenced, 0xff, bytes);
  tiles_.push_back({first, map, barrier, number, line});
  return nullptr;
}

void AsyncUnits::fence_copies() {
  fenced_.assign(shared_.data, shared_.data + shared_.bytes);
}

void AsyncUnits::land(size_t number) {
  const Tile tile = tiles_[number];
  tiles_.erase(tiles_.begin() + static_cast<std::ptrdiff_t>(number));
  const EmulatedTensorMap& map = tile.map;
  auto offset = static_cast<uint64_t>(tile.to - shared_.data);
  for (uint32_t l = 0; l < map.tile_lines; ++l) {
    for (uint32_t d = 0; d < map.tile_depth; ++d, offset += map.element) {
      const int64_t line = tile.line + l, at = tile.number + d;
      const bool inside = line >= 0 && at >= 0 &&
                          line < static_cast<int64_t>(map.lines) &&
                          at < static_cast<int64_t>(map.depth);
      unsigned char* to =
          shared_.data + (map.swizzled ? swizzled(offset) : offset);
      if (inside) {
        std::memcpy(to,
                    map.base + static_cast<uint64_t>(line) * map.stride +
                        static_cast<uint64_t>(at) * map.element,
                    map.element);
      } else {
        std::memset(to, 0, map.element);
      }
      std::memcpy(fenced_.data() + (to - shared_.data), to, map.element);
    }
  }
  // Whoever ended the barrier meanwhile is told at the end of the block.
  const auto barrier = barriers_.find(tile.barrier);
  if (barrier == barriers_.end()) return;
  barrier->second.bytes -=
      static_cast<int64_t>(map.tile_lines) * map.tile_depth * map.element;
  advance(barrier->second);
}

// --- products ---

const char* AsyncUnits::add_product(unsigned thread, const EmulatedTile& tile) {
  Products& mine = of_[thread];
  if (!mine.fenced) return "products begin without a fence";
  Sums& sums = mine.sums[tile.sums];
  if (sums.numbers.empty()) {
    sums.numbers.assign(tile.sums, tile.sums + kSums);
    std::memset(tile.sums, 0xff, kSums * sizeof(float));
  }
  ++sums.products;
  mine.open.push_back(tile);
  return nullptr;
}

void AsyncUnits::group_products(unsigned thread) {
  Products& mine = of_[thread];
  mine.groups.push_back(std::move(mine.open));
  mine.open.clear();
}

const char* AsyncUnits::await_products(unsigned thread, unsigned left) {
  Products& mine = of_[thread];
  mine.fenced = false;
  for (auto& entry : mine.sums) {
    if (!is_untouched(entry.first)) return "sums are touched before their wait";
  }
  for (; mine.groups.size() > left; mine.groups.pop_front()) {
    for (const EmulatedTile& tile : mine.groups.front()) {
      Sums& sums = mine.sums[tile.sums];
      multiply(thread, tile, sums.numbers.data());
      --sums.products;
    }
  }
  for (auto at = mine.sums.begin(); at != mine.sums.end();) {
    if (at->second.products > 0) {
      ++at;
      continue;
    }
    std::copy(at->second.numbers.begin(), at->second.numbers.end(), at->first);
    at = mine.sums.erase(at);
  }
  return nullptr;
}

// The byte of a line of the tile that the descriptor names. In it: the address
// in units of 16 bytes, the distance of eight lines and the next, the swizzle.
unsigned char AsyncUnits::at(uint64_t descriptor, unsigned line,
                             unsigned byte) const {
  const uint64_t first = (descriptor & 0x3fff) << 4;
  const uint64_t distance = (descriptor >> 32 & 0x3fff) << 4;
  uint64_t offset = first + line / 8 * distance + line % 8 * kSpan + byte;
  if (descriptor >> 62 == 1) offset = swizzled(offset);
  return offset < shared_.bytes ? shared_.data[offset] : 0xff;
}

// A thread has neighbours of lines l / 4 and l / 4 + 8 of its warp's 16, for
// every eight columns.
void AsyncUnits::multiply(unsigned thread, const EmulatedTile& tile,
                          float* sums) const {
  const unsigned lane = thread % kWarp, warp = thread / kWarp % kWarps;
  const unsigned count = kBytes / tile.element;
  auto numbers = [&](uint64_t descriptor, unsigned line, float* to,
                     float (*decode)(const void*)) {
    unsigned char bytes[kBytes];
    for (unsigned b = 0; b < kBytes; ++b) bytes[b] = at(descriptor, line, b);
    for (unsigned k = 0; k < count; ++k) to[k] = decode(bytes + k * tile.element);
  };
  float left[2][kBytes], right[kBytes];
  for (unsigned r = 0; r < 2; ++r) {
    numbers(tile.left, warp * 16 + lane / 4 + r * 8, left[r], tile.left_number);
  }
  for (unsigned c = 0; c < kSums / 2; ++c) {
    const unsigned column = c / 2 * 8 + lane % 4 * 2 + c % 2;
    numbers(tile.right, column, right, tile.right_number);
    for (unsigned r = 0; r < 2; ++r) {
      float& to = sums[c / 2 * 4 + r * 2 + c % 2];
      float sum = tile.keep ? to : 0.0f;
      for (unsigned k = 0; k < count; ++k) sum += left[r][k] * right[k];
      to = sum;
    }
  }
}

const char* AsyncUnits::unfinished(unsigned thread) const {
  const Products& mine = of_[thread];
  return mine.sums.empty() ? nullptr : "it ends before its products do";
}
const char* AsyncUnits::unfinished() const {
  return tiles_.empty() ? nullptr : "the block ends before its copies do";
}

}  // namespace lathe
