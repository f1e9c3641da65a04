#include "tests/fuzz/readers.h"

#include <doctest/doctest.h>

#include "runtime/random.h"

namespace lathe {
namespace {

constexpr int kRounds = 20000;

// `seed` with a few bytes changed, removed or doubled.
std::string damaged(std::string text, const RandomStream& random,
                    uint64_t round) {
  const uint64_t changes = 1 + random.bits(round * 32) % 6;
  for (uint64_t i = 0; i < changes && !text.empty(); ++i) {
    const uint64_t bits = random.bits(round * 32 + i + 1);
    const size_t at = (bits >> 16) % text.size();
    switch (bits % 4) {
      case 0:
        text[at] = static_cast<char>(bits >> 8);
        break;
      case 1:
        text.erase(at, 1 + (bits >> 56) % 8);
        break;
      case 2:
        text.insert(at, text.substr(at, 1 + (bits >> 56) % 16));
        break;
      default:
        // Digits make other sizes and offsets.
        text[at] = static_cast<char>('0' + (bits >> 8) % 10);
        break;
    }
  }
  return text;
}

}  // namespace

// A short fuzz for every build; tests/fuzz/reader_fuzz.cpp is the long one.
TEST_CASE("readers: damaged files end with a message") {
  for (const Reader& reader : readers()) {
    CAPTURE(reader.name);
    const RandomStream random(1, reader.name);
    for (const std::string& seed : reader.seeds) {
      CHECK_NOTHROW(reader.read(std::as_bytes(std::span(seed))));
      for (uint64_t round = 0; round < kRounds; ++round) {
        const std::string text = damaged(seed, random, round);
        CAPTURE(round);
        CHECK_NOTHROW(read_anything(reader, std::as_bytes(std::span(text))));
      }
    }
  }
}

}  // namespace lathe
