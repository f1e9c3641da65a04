#include "runtime/random.h"

#include <cmath>
#include <numbers>

namespace lathe {
namespace {

constexpr uint64_t kStep = 0x9e3779b97f4a7c15;
constexpr uint64_t kIntegers = 10;

uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

uint64_t fnv1a64(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return hash;
}

}  // namespace

RandomStream::RandomStream(int64_t seed, std::string_view name)
    : key_(mix(static_cast<uint64_t>(seed) ^ fnv1a64(name))) {}

uint64_t RandomStream::bits(uint64_t i) const {
  return mix(key_ + (i + 1) * kStep);
}

double RandomStream::uniform(uint64_t i) const {
  return static_cast<double>(bits(i) >> 11) * 0x1p-53;
}

double RandomStream::normal(uint64_t i) const {
  // 1 - u is in (0, 1], where the logarithm is finite.
  const double radius = std::sqrt(-2 * std::log(1 - uniform(2 * i)));
  return radius * std::cos(2 * std::numbers::pi * uniform(2 * i + 1));
}

Tensor random_tensor(DType dtype, std::vector<int64_t> shape, int64_t seed,
                     std::string_view name) {
  RandomStream stream(seed, name);
  Tensor out(dtype, std::move(shape));
  for (int64_t i = 0; i < out.numel(); ++i) {
    const auto n = static_cast<uint64_t>(i);
    if (is_float(dtype)) {
      out.set(i, stream.normal(n));
    } else {
      const uint64_t limit = is_bool(dtype) ? 2 : kIntegers;
      out.set_int(i, static_cast<int64_t>((stream.bits(n) >> 32) % limit));
    }
  }
  return out;
}

}  // namespace lathe
