// What intrinsics do, step by step.

#include "interpreter/tensor.h"
#include "spec/check.h"
#include "tests/support/loop_interpreter.h"

namespace lathe {

// Four float8 of a lane become two words of bfloat16, in two vectors.
void LoopInterpreter::widen(const Intrinsic& step) {
  const Intrinsic::Address &to = step.at[0], &from = step.at[1];
  const int lanes = slots_[static_cast<size_t>(to.slot)].lanes;
  const Lanes codes =
      eval(vector_load(from.slot, DType::kFloat8E4M3FN, from.index, 4 * lanes));
  for (int half = 0; half < 2; ++half) {
    Lanes pairs;
    pairs.count = lanes;
    for (int i = 0; i < lanes; ++i) {
      const double* pair = codes.real + 4 * i + 2 * half;
      const uint32_t low = bfloat16_bits(pair[0]),
                     high = bfloat16_bits(pair[1]);
      pairs.whole[i] = static_cast<int32_t>(high << 16 | low);
    }
    put(place_of(to.slot, to.index + half, true, "stores"), pairs, false);
  }
}

// The bfloat16 numbers in words: of elements, or of one vector.
LoopInterpreter::Lanes LoopInterpreter::halves(const Intrinsic::Address& at,
                                               int lanes) {
  bool vector = slots_[static_cast<size_t>(at.slot)].lanes > 1;
  auto read = vector ? local_vector : vector_load;
  Lanes out, words = eval(read(at.slot, DType::kInt32, at.index, lanes));
  out.count = 2 * lanes;
  for (int i = 0; i < out.count; ++i) {
    const int64_t half = words.whole[i / 2] >> (16 * (i % 2));
    out.real[i] = bfloat16_value(static_cast<uint16_t>(half));
  }
  return out;
}

// Sums of pairs of products; `at` has the sums, a pair and pairs of the lanes.
void LoopInterpreter::dot_pairs(const Intrinsic& step) {
  LATHE_CHECK(step.op == IntrinsicOp::kDotBf16,
              "a statement of GPUs: ", info_of(step.op).name);
  auto numbers = [&](const Intrinsic::Address& at, int count) {
    return eval(
        vector_load(at.slot, kernel_.dtype_of(at.slot), at.index, count));
  };
  const Intrinsic::Address& sums = step.at[0];
  const int lanes = slots_[static_cast<size_t>(sums.slot)].lanes;
  Expr sum = local_vector(sums.slot, DType::kFloat32, sums.index, lanes);
  Lanes out = eval(sum);
  const Lanes left = numbers(step.at[1], 2);
  const bool words = kernel_.dtype_of(step.at[2].slot) == DType::kInt32;
  const Lanes right =
      words ? halves(step.at[2], lanes) : numbers(step.at[2], 2 * lanes);
  for (int i = 0; i < 2 * lanes; ++i) {
    float total = static_cast<float>(out.real[i / 2]);
    total += static_cast<float>(left.real[i % 2] * right.real[i]);
    out.real[i / 2] = total;
  }
  put(place_of(sums.slot, sums.index, true, "stores"), out, true);
}

// Sums of products of int8 numbers with bytes: four in a word of each lane, of
// which `bits` bits may be set.
void LoopInterpreter::dot_bytes(const Intrinsic& step, int bits) {
  const Intrinsic::Address& sums = step.at[0];
  const int lanes = slots_[static_cast<size_t>(sums.slot)].lanes;
  Lanes out = eval(local_vector(sums.slot, DType::kInt32, sums.index, lanes));
  for (int64_t w = 0; w < step.number; ++w) {
    const Lanes left = eval(vector_load(step.at[1].slot, DType::kInt8,
                                        step.at[1].index + 4 * w, 4));
    const Lanes codes = eval(local_vector(step.at[2].slot, DType::kInt32,
                                          step.at[2].index + w, lanes));
    for (int i = 0; i < 4 * lanes; ++i) {
      const int64_t code = codes.whole[i / 4] >> (8 * (i % 4)) & 255;
      LATHE_CHECK(code >> bits == 0, "a code of more than ", bits,
                  " bits: ", code);
      const int64_t sum = out.whole[i / 4] + code * left.whole[i % 4];
      LATHE_CHECK(sum == static_cast<int32_t>(sum), "a sum beyond 32 bits");
      out.whole[i / 4] = sum;
    }
  }
  put(place_of(sums.slot, sums.index, true, "stores"), out, false);
}

void LoopInterpreter::exec(const Intrinsic& step) {
  if (step.op == IntrinsicOp::kWidenE4M3Bf16) return widen(step);
  if (step.op == IntrinsicOp::kDot4Bits) return dot_bytes(step, 4);
  if (step.op == IntrinsicOp::kDot6Bits) return dot_bytes(step, 6);
  if (step.op == IntrinsicOp::kDot8Bits) return dot_bytes(step, 8);
  dot_pairs(step);
}

}  // namespace lathe
