// Rounding to narrow floats, without branches, so that loops over it become
// vector instructions. What float32 gives for offset + factor * value is off by
// a known margin. Both ends of that margin nearly always round to the same
// narrow float: then the exact sum does as well. Where they do not, the number
// is computed again as store_scalar() says.
#include "spec/store_scaled.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>

#include "spec/float_format.h"
#include "spec/wide_vectors.h"

namespace lathe {
namespace {

constexpr size_t kBatch = 256;
constexpr int kSingleBias = 127, kSingleMantissa = 23;

// Factors and offsets of this size and more are none that float32 is sure to
// hold.
constexpr double kModerate = 1e30;
// Of factor, offset, product and sum each is rounded once, by 2^-24 at most;
// so are the ends of the margin. Subnormal numbers by 2^-150.
constexpr float kRelativeMargin = 0x1p-21f, kLeastMargin = 0x1p-126f;

// `a` where mask is all ones, `b` where it is 0: not as ?:, of which g++ would
// make jumps.
inline int32_t pick(int32_t mask, int32_t a, int32_t b) {
  return (a & mask) | (b & ~mask);
}

// All ones where a < b. Requires: both are at least 0.
inline int32_t less(int32_t a, int32_t b) { return (a - b) >> 31; }

// A number rounded to nearest even.
struct Rounded {
  int32_t bits = 0;
  int32_t beyond = 0;  // all ones where that is no finite number: bits are wrong
};

template <FloatFormat format>
inline Rounded rounded(float value) {
  constexpr int kShift = kSingleMantissa - format.mantissa_bits;
  constexpr int kBias = kSingleBias - format.bias();
  constexpr int32_t kSmallestNormal = (kBias + 1) << kSingleMantissa;
  // A float32 whose last bit counts as much as that of a subnormal: adding it
  // rounds there.
  constexpr int32_t kStep = (kBias + 1 + kShift) << kSingleMantissa;
  constexpr int32_t kNoNumber = ((1 << format.exponent_bits) - 1)
                                << format.mantissa_bits;
  constexpr int32_t kLargest =
      ((kNoNumber + (format.has_infinity ? -1 : 6)) << kShift) +
      (kBias << kSingleMantissa);
  constexpr int kSign = format.exponent_bits + format.mantissa_bits;
  const auto bits = std::bit_cast<int32_t>(value);
  const int32_t magnitude = bits & 0x7fffffff;
  // Unsigned: that of a NaN may pass 2^31.
  const auto wide = static_cast<uint32_t>(magnitude);
  const uint32_t up = (1u << (kShift - 1)) - 1 + (wide >> kShift & 1);
  const int32_t normal = static_cast<int32_t>((wide + up) >> kShift) -
                         (kBias << format.mantissa_bits);
  const float sum =
      std::bit_cast<float>(magnitude) + std::bit_cast<float>(kStep);
  const int32_t small = std::bit_cast<int32_t>(sum) - kStep;
  const int32_t finite = pick(less(magnitude, kSmallestNormal), small, normal);
  return {finite | (bits >> 31 & 1 << kSign), less(kLargest, magnitude)};
}

// The roundings of both ends of the margins of a block, where they are finite,
// and the lower ones as they are stored.
template <typename Stored>
struct Ends {
  std::array<int32_t, kBatch> low, high;
  std::array<Stored, kBatch> stored;
};

// Returns whether any two differ.
template <FloatFormat format, typename Stored>
bool round_ends(const float* values, float factor, float offset,
                Ends<Stored>& ends) {
  int32_t differ = 0;
  in_wide_vectors([&differ, values, factor, offset, &ends] {
    const float least = kLeastMargin + std::fabs(offset) * kRelativeMargin;
    int32_t any = 0;
    for (size_t i = 0; i < kBatch; ++i) {
      const float product = factor * values[i];
      const float margin = std::fabs(product) * kRelativeMargin + least;
      const float sum = offset + product;
      const Rounded low = rounded<format>(sum - margin);
      const Rounded high = rounded<format>(sum + margin);
      ends.low[i] = low.bits;
      ends.high[i] = high.bits ^ (low.beyond | high.beyond);
      any |= ends.low[i] ^ ends.high[i];
    }
    differ = any;
    const int32_t* low = ends.low.data();
    Stored* stored = ends.stored.data();
    for (size_t i = 0; i < kBatch; ++i) stored[i] = static_cast<Stored>(low[i]);
  });
  return differ != 0;
}

template <FloatFormat format, typename Stored>
void store_narrow(DType dtype, Stored* to, std::span<const float> values,
                  double factor, double offset) {
  Ends<Stored> ends;
  std::array<float, kBatch> last = {};
  for (size_t at = 0; at < values.size(); at += kBatch) {
    const size_t count = std::min(kBatch, values.size() - at);
    const float* some = values.data() + at;
    if (count < kBatch) some = std::copy_n(some, count, last.begin()) - count;
    const bool differ =
        round_ends<format>(some, static_cast<float>(factor),
                           static_cast<float>(offset), ends);
    std::copy_n(ends.stored.begin(), count, to + at);
    for (size_t i = 0; differ && i < count; ++i) {
      if (ends.low[i] == ends.high[i]) continue;
      store_scalar(dtype, to + at + i, offset + factor * double{some[i]});
    }
  }
}

void store_each(DType dtype, uint8_t* to, std::span<const float> values,
                double factor, double offset) {
  const auto size = static_cast<size_t>(size_of(dtype));
  for (size_t i = 0; i < values.size(); ++i) {
    store_scalar(dtype, to + i * size, offset + factor * double{values[i]});
  }
}

}  // namespace

void store_scaled(DType dtype, void* to, std::span<const float> values,
                  double factor, double offset) {
  const auto narrow = [&]<FloatFormat format>(auto* place) {
    store_narrow<format>(dtype, place, values, factor, offset);
  };
  auto* bytes = static_cast<uint8_t*>(to);
  auto* halves = static_cast<uint16_t*>(to);
  const bool moderate =
      std::fabs(factor) < kModerate && std::fabs(offset) < kModerate;
  if (!moderate) {
    store_each(dtype, bytes, values, factor, offset);
  } else if (dtype == DType::kFloat8E4M3FN) {
    narrow.template operator()<kE4M3>(bytes);
  } else if (dtype == DType::kFloat8E5M2) {
    narrow.template operator()<kE5M2>(bytes);
  } else if (dtype == DType::kFloat16) {
    narrow.template operator()<kHalf>(halves);
  } else if (dtype == DType::kBFloat16) {
    narrow.template operator()<kBrain>(halves);
  } else if (dtype == DType::kFloat32) {
    auto* floats = static_cast<float*>(to);
    for (size_t i = 0; i < values.size(); ++i) {
      floats[i] = static_cast<float>(offset + factor * double{values[i]});
    }
  } else {
    store_each(dtype, bytes, values, factor, offset);
  }
}

}  // namespace lathe
