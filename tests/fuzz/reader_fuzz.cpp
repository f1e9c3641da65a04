// A libFuzzer program for one reader, LATHE_READER; see meson.build.
#include <cstdint>

#include "tests/fuzz/readers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const lathe::Reader& reader = lathe::find_reader(LATHE_READER);
  lathe::read_anything(reader, std::as_bytes(std::span(data, size)));
  return 0;
}
