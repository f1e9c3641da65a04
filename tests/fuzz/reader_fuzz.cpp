// A libFuzzer program for one reader, LATHE_READER; see meson.build.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "tests/fuzz/readers.h"

namespace {

const lathe::Reader& reader() {
  static const lathe::Reader& found = lathe::find_reader(LATHE_READER);
  return found;
}

}  // namespace

extern "C" {

size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t room);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  lathe::read_anything(reader(), std::as_bytes(std::span(data, size)));
  return 0;
}

// What libFuzzer begins with where there is no corpus becomes a valid file.
size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t room,
                               unsigned random) {
  if (size > 1) return LLVMFuzzerMutate(data, size, room);
  const std::vector<std::string>& seeds = reader().seeds;
  const std::string& seed = seeds[random % seeds.size()];
  size = std::min(room, seed.size());
  std::memcpy(data, seed.data(), size);
  return size;
}
}
