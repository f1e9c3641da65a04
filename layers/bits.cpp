// Bits of integers, element by element: what packed weights are read with.

#include "interpreter/op.h"
#include "layers/pair_samples.h"

namespace lathe {
namespace {

// Counts of shifts come from outside [0, 63] too.
const std::vector<std::string> kShiftSamples = {
    "x: [N], y: [N]", "x: [B, 7], y: int64[7] < 64", "x: [3, 1], y: [1, 5]",
    "x: [5, 3].T, y: [5]", "x: [N], y: 4",
};

OpDef bit_op(const char* name, const char* infix, ScalarOp op, const char* doc,
             const std::vector<std::string>& samples) {
  return {.name = name,
          .doc = doc,
          .signature = "x: int[*s], y: int[*t] -> int[*broadcast(s, t)]",
          .map = [op](const std::vector<Expr>& a) {
            return call(op, {a[0], a[1]});
          },
          .samples = samples,
          .infix = infix};
}

const RegisterOp kBits[] = {
    RegisterOp(bit_op("bit_and", "&", ScalarOp::kBitAnd,
                      "The bits that x and y have both, as x & y.",
                      kPairSamples)),
    RegisterOp(bit_op("bit_or", "|", ScalarOp::kBitOr,
                      "The bits that x or y has, as x | y.", kPairSamples)),
    RegisterOp(bit_op("bit_xor", "^", ScalarOp::kBitXor,
                      "The bits that just one of x and y has, as x ^ y.",
                      kPairSamples)),
    RegisterOp(bit_op("shift_left", "<<", ScalarOp::kShiftLeft,
                      "x with its bits moved y places up, as x << y: what "
                      "leaves the dtype is lost.\n"
                      "0 where y is negative or above 63.",
                      kShiftSamples)),
    RegisterOp(bit_op("shift_right", ">>", ScalarOp::kShiftRight,
                      "x with its bits moved y places down, as x >> y; the "
                      "sign moves in, so that it is floor(x / 2^y).\n"
                      "0 or -1, by the sign of x, where y is negative or "
                      "above 63.",
                      kShiftSamples)),
    RegisterOp({
        .name = "bit_not",
        .doc = "All bits of x turned over, as ~x: -1 - x.",
        .signature = "x: int[*s] -> int[*s]",
        .map =
            [](const std::vector<Expr>& a) {
              return call(ScalarOp::kBitXor, {a[0], -1});
            },
        .samples = {"x: [N]", "x: [3, 4]", "x: [5, 3].T"},
        .prefix = "~",
    }),
};

}  // namespace
}  // namespace lathe
