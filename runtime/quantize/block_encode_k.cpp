// Blocks of 256 values with two levels of scales: runs of 16 or 32 values have
// scales of a few bits, in units that are float16 numbers of the block.
//
// For each run a scale (and a least value) is searched: codes follow from a
// trial scale, the best scale for these codes from least squares, and the
// trial with the smallest error is taken. Then the scales are rounded to their
// bits, and the codes made again for what is stored, so that rounding the
// scales costs little. The first trial is plain rounding: the search is never
// worse.

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/quantize/block_encode.h"
#include "runtime/quantize/block_writer.h"

namespace lathe {
namespace {

constexpr int kSuperBlock = 256;
constexpr int kTrials = 12;      // to either side of plain rounding
constexpr float kTrialStep = 0.1f;  // of codes

// Values are about scale * code - least, with code in [0, most].
struct AffineFit {
  float scale = 0;
  float least = 0;  // not negative
};

int rounded(float value, int low, int high) {
  const float limited = std::clamp(value, static_cast<float>(low),
                                   static_cast<float>(high));
  return static_cast<int>(std::nearbyint(limited));
}

// Sums over a run, from which the best line through codes follows.
struct Sums {
  double codes = 0, squares = 0, products = 0;
};

AffineFit line_of(const Sums& sums, double total, int count) {
  const double determinant =
      count * sums.squares - sums.codes * sums.codes;
  AffineFit fit;
  double least = 0;
  if (determinant > 0) {
    fit.scale = static_cast<float>(
        (count * sums.products - total * sums.codes) / determinant);
    least = (sums.codes * sums.products - sums.squares * total) / determinant;
  }
  if (determinant <= 0 || least < 0) {
    least = 0;
    fit.scale = sums.squares > 0
                    ? static_cast<float>(sums.products / sums.squares)
                    : 0;
  }
  fit.least = static_cast<float>(least);
  return fit;
}

double error_of(const float* x, int count, const AffineFit& fit, int most) {
  if (!(fit.scale > 0)) return std::numeric_limits<double>::infinity();
  double error = 0;
  for (int i = 0; i < count; ++i) {
    const int code = rounded((x[i] + fit.least) / fit.scale, 0, most);
    const double off = static_cast<double>(fit.scale) * code -
                       static_cast<double>(fit.least) -
                       static_cast<double>(x[i]);
    error += off * off;
  }
  return error;
}

AffineFit fit_affine(const float* x, int count, int most) {
  const auto [lowest, highest] = std::minmax_element(x, x + count);
  const float low = std::min(*lowest, 0.0f);
  const float width = *highest - low;
  // Equal values, none above 0: the least value says it all.
  if (!(width > 0)) return {0, -low};
  double total = 0;
  for (int i = 0; i < count; ++i) total += static_cast<double>(x[i]);
  AffineFit best = {width / static_cast<float>(most), -low};
  double least_error = error_of(x, count, best, most);
  for (int trial = -kTrials; trial <= kTrials; ++trial) {
    const float inverse =
        (static_cast<float>(most) + kTrialStep * static_cast<float>(trial)) /
        width;
    Sums sums;
    for (int i = 0; i < count; ++i) {
      const double code = rounded(inverse * (x[i] - low), 0, most);
      sums.codes += code;
      sums.squares += code * code;
      sums.products += code * static_cast<double>(x[i]);
    }
    const AffineFit fit = line_of(sums, total, count);
    const double error = error_of(x, count, fit, most);
    if (error < least_error) {
      least_error = error;
      best = fit;
    }
  }
  return best;
}

// Values are about scale * code, with code in [-middle, middle). The scale may
// be negative: then the extreme value has the lowest code.
float fit_symmetric(const float* x, int count, int middle) {
  float extreme = 0;
  for (int i = 0; i < count; ++i) {
    if (std::fabs(x[i]) > std::fabs(extreme)) extreme = x[i];
  }
  if (extreme == 0) return 0;
  float best = -extreme / static_cast<float>(middle);
  double most = -1;  // of the squares that codes explain
  for (int trial = -kTrials; trial <= kTrials; ++trial) {
    const float inverse =
        -(static_cast<float>(middle) + kTrialStep * static_cast<float>(trial)) /
        extreme;
    double squares = 0, products = 0;
    for (int i = 0; i < count; ++i) {
      const double code = rounded(inverse * x[i], -middle, middle - 1);
      squares += code * code;
      products += code * static_cast<double>(x[i]);
    }
    if (squares <= 0 || products * products <= most * squares) continue;
    most = products * products / squares;
    best = static_cast<float>(products / squares);
  }
  return best;
}

float largest(const float* values, int count) {
  return *std::max_element(values, values + count);
}

// Rounds scales to codes in [0, most], in units of the float16 that is stored
// at `place`; returns the unit.
float round_scales(const float* scales, int count, int most, int place,
                   BlockWriter& out, int* codes) {
  const float unit =
      out.half_unit(place, largest(scales, count) / static_cast<float>(most));
  for (int j = 0; j < count; ++j) {
    codes[j] = unit > 0 ? rounded(scales[j] / unit, 0, most) : 0;
  }
  return unit;
}

// An affine type: the scales and least values of all runs, rounded.
struct AffineBlock {
  int scales[16], leasts[16];
  float unit, least_unit;
};

AffineBlock affine_block(const float* x, int run, int most, int scale_most,
                         int place, BlockWriter& out) {
  float scales[16], leasts[16];
  const int runs = kSuperBlock / run;
  for (int j = 0; j < runs; ++j) {
    const AffineFit fit = fit_affine(x + j * run, run, most);
    scales[j] = fit.scale;
    leasts[j] = fit.least;
  }
  AffineBlock block;
  block.unit =
      round_scales(scales, runs, scale_most, place, out, block.scales);
  block.least_unit =
      round_scales(leasts, runs, scale_most, place + 2, out, block.leasts);
  return block;
}

// The code of a value for the scales as they are stored.
int affine_code(float x, const AffineBlock& block, int j, int most) {
  const float scale = block.unit * static_cast<float>(block.scales[j]);
  const float least = block.least_unit * static_cast<float>(block.leasts[j]);
  return scale > 0 ? rounded((x + least) / scale, 0, most) : 0;
}

// Scales and least values of eight runs, six bits each, in twelve bytes. Those
// of the last four runs are cut in two.
void put_six_bits(const AffineBlock& block, BlockWriter& out) {
  for (int j = 0; j < 4; ++j) {
    out.add(4 + j, block.scales[j] | (block.scales[j + 4] >> 4) << 6);
    out.add(8 + j, block.leasts[j] | (block.leasts[j + 4] >> 4) << 6);
    out.add(12 + j,
            (block.scales[j + 4] & 15) | (block.leasts[j + 4] & 15) << 4);
  }
}

// Signed scales of sixteen runs in [-middle, middle), in units of a float16.
float round_signed_scales(const float* scales, int middle, int place,
                          BlockWriter& out, int* codes) {
  float extreme = 0;
  for (int j = 0; j < 16; ++j) {
    if (std::fabs(scales[j]) > std::fabs(extreme)) extreme = scales[j];
  }
  const float unit =
      out.half_unit(place, -extreme / static_cast<float>(middle));
  for (int j = 0; j < 16; ++j) {
    codes[j] = unit != 0 ? rounded(scales[j] / unit, -middle, middle - 1) : 0;
  }
  return unit;
}

}  // namespace

void encode_q2_k(const float* x, uint8_t* bytes) {
  BlockWriter out(bytes);
  const AffineBlock block = affine_block(x, 16, 3, 15, 80, out);
  for (int j = 0; j < 16; ++j) {
    out.byte(j, block.scales[j] | block.leasts[j] << 4);
  }
  for (int i = 0; i < kSuperBlock; ++i) {
    out.plane(16, 32, 2, i, affine_code(x[i], block, i / 16, 3));
  }
}

void encode_q3_k(const float* x, uint8_t* bytes) {
  BlockWriter out(bytes);
  float scales[16];
  int codes[16];
  for (int j = 0; j < 16; ++j) scales[j] = fit_symmetric(x + 16 * j, 16, 4);
  const float unit = round_signed_scales(scales, 32, 108, out, codes);
  for (int j = 0; j < 16; ++j) {
    const int code = codes[j] + 32;
    out.add(96 + j % 8, (code & 15) << (j / 8 * 4));
    out.add(104 + j % 4, (code >> 4) << (j / 4 * 2));
  }
  for (int i = 0; i < kSuperBlock; ++i) {
    const int group = i / 16;
    const float scale = unit * static_cast<float>(codes[group]);
    const int code = scale != 0 ? rounded(x[i] / scale, -4, 3) + 4 : 4;
    out.plane(32, 32, 2, i, code);
    out.plane(0, 32, 1, i, code >> 2);
  }
}

void encode_q4_k(const float* x, uint8_t* bytes) {
  BlockWriter out(bytes);
  const AffineBlock block = affine_block(x, 32, 15, 63, 0, out);
  put_six_bits(block, out);
  for (int i = 0; i < kSuperBlock; ++i) {
    out.plane(16, 32, 4, i, affine_code(x[i], block, i / 32, 15));
  }
}

void encode_q5_k(const float* x, uint8_t* bytes) {
  BlockWriter out(bytes);
  const AffineBlock block = affine_block(x, 32, 31, 63, 0, out);
  put_six_bits(block, out);
  for (int i = 0; i < kSuperBlock; ++i) {
    const int code = affine_code(x[i], block, i / 32, 31);
    out.plane(48, 32, 4, i, code);
    out.plane(16, 32, 1, i, code >> 4);
  }
}

void encode_q6_k(const float* x, uint8_t* bytes) {
  BlockWriter out(bytes);
  float scales[16];
  int codes[16];
  for (int j = 0; j < 16; ++j) scales[j] = fit_symmetric(x + 16 * j, 16, 32);
  const float unit = round_signed_scales(scales, 128, 208, out, codes);
  for (int j = 0; j < 16; ++j) out.byte(192 + j, codes[j]);
  for (int i = 0; i < kSuperBlock; ++i) {
    const int group = i / 16;
    const float scale = unit * static_cast<float>(codes[group]);
    const int code = scale != 0 ? rounded(x[i] / scale, -32, 31) + 32 : 32;
    out.plane(0, 64, 4, i, code);
    out.plane(128, 32, 2, i, code >> 4);
  }
}

}  // namespace lathe
