#pragma once
// A tensor map of the emulator: a matrix in memory, and the tiles that are
// copied from it. It takes the place of a CUtensorMap and has its size.

#include <cstdint>
#include <string>

namespace lathe {

struct EmulatedTensorMap {
  static constexpr uint64_t kMagic = 0x70616d2d6568746cULL;

  uint64_t magic = kMagic;
  const unsigned char* base = nullptr;
  uint64_t depth = 0, lines = 0;  // numbers of a line, and lines
  uint64_t stride = 0;            // bytes from line to line
  uint32_t tile_depth = 0, tile_lines = 0;
  uint32_t element = 0;   // bytes of a number
  uint32_t swizzled = 0;  // in spans of 128 bytes
  uint64_t unused[9] = {};
};
static_assert(sizeof(EmulatedTensorMap) == 128, "the size of a CUtensorMap");

// What the driver would refuse, or nothing. The rules are those that CUDA's
// documentation has for cuTensorMapEncodeTiled: base and distances are
// multiples of 16 bytes, sizes from 1 to 2^32, distances below 2^40, tiles of
// at most 256 each way, whose lines are multiples of 16 bytes and no longer
// than the swizzled span.
std::string complaint_about(const EmulatedTensorMap& map);

}  // namespace lathe
