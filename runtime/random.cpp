#include "runtime/random.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "runtime/thread_pool.h"
#include "spec/store_scaled.h"
#include "spec/wide_vectors.h"

namespace lathe {
namespace {

constexpr uint64_t kSeedStep = 0x9e3779b97f4a7c15;
constexpr uint64_t kIntegers = 10;
// Numbers that are made at a time.
constexpr size_t kBatch = 256;

using Normals = std::array<float, kBatch>;

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

// By Horner's rule, one rounding an operation.
template <typename... Coefficients>
inline float polynomial(float x, float highest, Coefficients... others) {
  ((highest = highest * x + others), ...);
  return highest;
}

// log2(m) for m in [1, 2), within 3e-7.
inline float log2_of_mantissa(float m) {
  return polynomial(m * 2 - 3, 0.000118166732f, -0.000392552669f,
                    0.00116597803f, -0.00441185059f, 0.0178181659f,
                    -0.0801580846f, 0.480897695f, 0.584962785f);
}

// The value that a normal variable exceeds with probability 2^(-y * y), for y
// in [1, 5.75], within 1.1e-6. In y it is nearly a straight line.
inline float upper_quantile(float y) {
  return polynomial((y - 3.375f) * (1 / 2.375f), -0.00598848844f,
                    0.00689720549f, 0.00861860067f, -0.00615790766f,
                    -0.0146297058f, 0.0152227171f, -0.0103887245f,
                    0.0221843738f, -0.0426265784f, 0.0741428882f,
                    -0.135157809f, 3.06002498f, 3.37248826f);
}

// sqrt(-log2(p)) for the probability p that the bits stand for. Like the next
// without branches, so that a loop over it becomes vector instructions.
inline float depth_of(uint32_t bits) {
  const auto v = static_cast<int32_t>(bits & 0x7fffffff);
  const auto place =
      std::bit_cast<uint32_t>(static_cast<float>(v) + 0.5f);  // p * 2^32
  const auto exponent =
      static_cast<float>(static_cast<int32_t>(place >> 23) - 127);
  const float mantissa =
      std::bit_cast<float>((place & 0x007fffff) | 0x3f800000);
  return std::sqrt(32 - exponent - log2_of_mantissa(mantissa));
}

// The normal number of that depth, with the sign that the bits say.
inline float normal_at(float depth, uint32_t bits) {
  return std::bit_cast<float>(std::bit_cast<uint32_t>(upper_quantile(depth)) ^
                              (bits & 0x80000000));
}

// Numbers `first`, first + 1, ... of the stream with this key.
void block_of_normals(uint64_t key, uint64_t first, Normals& out) {
  in_wide_vectors([&] {
    std::array<uint64_t, kBatch / 2 + 1> pairs;
    uint64_t place = key + (first / 2 + 1) * kSeedStep;
    for (uint64_t& pair : pairs) {
      const uint64_t both = mix(place);
      pair = std::endian::native == std::endian::little ? both
                                                        : both << 32 | both >> 32;
      place += kSeedStep;
    }
    std::array<uint32_t, kBatch + 2> words;
    std::memcpy(words.data(), pairs.data(), sizeof words);
    const uint32_t* word = words.data() + first % 2;
    // In two loops: a step of either is one long chain, and the shorter the
    // steps the more of them a core has under way.
    for (size_t i = 0; i < kBatch; ++i) out[i] = depth_of(word[i]);
    for (size_t i = 0; i < kBatch; ++i) out[i] = normal_at(out[i], word[i]);
  });
}

}  // namespace

float normal_of(uint32_t bits) { return normal_at(depth_of(bits), bits); }

RandomStream::RandomStream(int64_t seed, std::string_view name)
    : key_(mix(static_cast<uint64_t>(seed) ^ fnv1a64(name))) {}

uint64_t RandomStream::bits(uint64_t i) const {
  return mix(key_ + (i + 1) * kSeedStep);
}

double RandomStream::uniform(uint64_t i) const {
  return static_cast<double>(bits(i) >> 11) * 0x1p-53;
}

float RandomStream::normal(uint64_t i) const {
  const uint64_t pair = bits(i / 2);
  return normal_of(static_cast<uint32_t>(i % 2 == 0 ? pair : pair >> 32));
}

void RandomStream::normals(uint64_t first, std::span<float> out) const {
  Normals values;
  for (size_t done = 0; done < out.size(); done += kBatch) {
    block_of_normals(key_, first + done, values);
    std::copy_n(values.begin(), std::min(kBatch, out.size() - done),
                out.begin() + static_cast<ptrdiff_t>(done));
  }
}

void fill_normal(Tensor& out, const RandomStream& stream, double mean,
                 double deviation) {
  const DType dtype = out.dtype();
  const auto bytes = static_cast<int64_t>(size_of(dtype));
  parallel_ranges(out.numel(), kTaskNumbers, [&](int64_t begin, int64_t end) {
    Normals values;
    for (int64_t at = begin; at < end; at += int64_t{kBatch}) {
      stream.normals(static_cast<uint64_t>(at), values);
      const auto count = std::min(kBatch, static_cast<size_t>(end - at));
      store_scaled(dtype, out.mutable_data() + at * bytes,
                   std::span(values).first(count), deviation, mean);
    }
  });
}

Tensor random_tensor(DType dtype, std::vector<int64_t> shape, int64_t seed,
                     std::string_view name) {
  const RandomStream stream(seed, name);
  Tensor out(dtype, std::move(shape));
  if (is_float(dtype)) {
    fill_normal(out, stream, 0, 1);
    return out;
  }
  const uint64_t limit = is_bool(dtype) ? 2 : kIntegers;
  for (int64_t i = 0; i < out.numel(); ++i) {
    const uint64_t bits = stream.bits(static_cast<uint64_t>(i));
    out.set_int(i, static_cast<int64_t>((bits >> 32) % limit));
  }
  return out;
}

}  // namespace lathe
