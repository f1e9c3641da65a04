// Values of weights that are stored in the block types of GGUF. A row of the
// stored tensor is a run of blocks; a block holds scales and the low bits of
// 32 or 256 values. Each type is one function of the block and of the place
// in it. Every product here is exact in float32, so the result is the
// format's own, bit for bit, however a compiler joins the operations.

#include "interpreter/op_builder.h"
#include "spec/text.h"

namespace lathe {
namespace {

Expr bits(const Expr& x, int64_t mask) {
  return call(ScalarOp::kBitAnd, {x, int_literal(mask)});
}
Expr joined(const Expr& a, const Expr& b) {
  return call(ScalarOp::kBitOr, {a, b});
}
Expr shifted(const Expr& x, const Expr& count) {
  return call(ScalarOp::kShiftRight, {x, count});
}
Expr raised(const Expr& x, int64_t count) {
  return call(ScalarOp::kShiftLeft, {x, int_literal(count)});
}
Expr number(const Expr& x) { return convert(NumType::kFloat32, x); }

// One value of a block: its place `at`, and the bytes of the block.
struct BlockValue {
  Expr at;
  std::function<Expr(const Expr&)> byte;

  Expr half(int64_t place) const {
    const Expr high = byte(int_literal(place + 1));
    return call(ScalarOp::kFloat16Bits,
                {joined(byte(int_literal(place)), raised(high, 8))});
  }
  Expr int8(const Expr& place) const { return cast(DType::kInt8, byte(place)); }

  // Bits of fields that lie in planes: `span` values stand in neighbouring
  // bytes from `first` on, the next `span` values are the next `width` bits
  // of the same bytes, until the bytes are full.
  Expr planes(int64_t first, int64_t span, int64_t width) const {
    const int64_t held = span * (8 / width);
    const Expr place = at / held * span + at % span + int_literal(first);
    return bits(shifted(byte(place), at % held / span * width),
                (int64_t{1} << width) - 1);
  }
};

Expr q4_0(const BlockValue& v) {
  return v.half(0) * number(v.planes(2, 16, 4) - 8);
}

Expr q4_1(const BlockValue& v) {
  return v.half(0) * number(v.planes(4, 16, 4)) + v.half(2);
}

// The fifth bits of 32 values are 32 bits in order.
Expr fifth_bit(const BlockValue& v, int64_t first) {
  const Expr byte = v.byte(v.at / 8 + int_literal(first));
  return raised(bits(shifted(byte, v.at % 8), 1), 4);
}

Expr q5_0(const BlockValue& v) {
  const Expr q = joined(v.planes(6, 16, 4), fifth_bit(v, 2));
  return v.half(0) * number(q - 16);
}

Expr q5_1(const BlockValue& v) {
  const Expr q = joined(v.planes(8, 16, 4), fifth_bit(v, 4));
  return v.half(0) * number(q) + v.half(2);
}

Expr q8_0(const BlockValue& v) {
  return v.half(0) * number(v.int8(v.at + int_literal(2)));
}

Expr q2_k(const BlockValue& v) {
  const Expr scales = v.byte(v.at / 16);
  const Expr scale = v.half(80) * number(bits(scales, 15));
  const Expr least = v.half(82) * number(shifted(scales, int_literal(4)));
  return scale * number(v.planes(16, 32, 2)) - least;
}

// The scale of 16 values: six bits, of which four lie in the first eight of
// twelve bytes and two in the others.
Expr q3_k(const BlockValue& v) {
  const Expr j = v.at / 16;
  const Expr low =
      bits(shifted(v.byte(j % 8 + int_literal(96)), j / 8 * 4), 15);
  const Expr high =
      bits(shifted(v.byte(j % 4 + int_literal(104)), j / 4 * 2), 3);
  const Expr scale =
      v.half(108) * number(joined(low, raised(high, 4)) - 32);
  const Expr q = joined(v.planes(32, 32, 2), raised(v.planes(0, 32, 1), 2));
  return scale * number(q - 4);
}

// q4_k and q5_k: twelve bytes from 4 on hold six-bit scales and minimums of
// eight runs of 32 values. Those of the last four runs are cut in two.
struct SixBits {
  Expr scale;
  Expr least;
};
SixBits six_bits(const BlockValue& v) {
  const Expr j = v.at / 32;
  const Expr first = v.byte(j % 4 + int_literal(4));
  const Expr second = v.byte(j % 4 + int_literal(8));
  const Expr third = v.byte(j % 4 + int_literal(12));
  const Expr early = j < int_literal(4);
  const auto top = [](const Expr& byte) {
    return raised(shifted(byte, int_literal(6)), 4);
  };
  return {select(early, bits(first, 63), joined(bits(third, 15), top(first))),
          select(early, bits(second, 63),
                 joined(shifted(third, int_literal(4)), top(second)))};
}

Expr q4_k(const BlockValue& v) {
  const SixBits six = six_bits(v);
  return v.half(0) * number(six.scale) * number(v.planes(16, 32, 4)) -
         v.half(2) * number(six.least);
}

Expr q5_k(const BlockValue& v) {
  const SixBits six = six_bits(v);
  const Expr q = joined(v.planes(48, 32, 4), raised(v.planes(16, 32, 1), 4));
  return v.half(0) * number(six.scale) * number(q) -
         v.half(2) * number(six.least);
}

Expr q6_k(const BlockValue& v) {
  const Expr q = joined(v.planes(0, 64, 4), raised(v.planes(128, 32, 2), 4));
  const Expr scale = v.int8(v.at / 16 + int_literal(192));
  return v.half(208) * number(scale) * number(q - 32);
}

using BlockFormat = Expr (*)(const BlockValue&);

void define_decoder(OpBuilder& b, DType dtype, BlockFormat format) {
  const Operand x = b.tensor("x");
  const int64_t bytes = info(dtype).bytes_per_block;
  const int64_t values = info(dtype).values_per_block;
  if (x.rank() == 0 || !x.shape.back().is_static() ||
      x.shape.back().value() % bytes != 0) {
    b.fail("L0407", cat({"`", b.op_name(), "` wants rows of whole blocks of ",
                         bytes, " bytes, and gets ", to_string(x.shape)}),
           "x");
  }
  Shape shape = x.shape;
  shape.back() = shape.back().value() / bytes * values;
  b.stage(b.op_name(), DType::kFloat32, shape, [&](const Index& i) {
    const Expr block = i.back() / values * bytes;
    const auto byte = [&](const Expr& place) {
      Index index = i;
      index.back() = block + place;
      return x(index);
    };
    return format({i.back() % values, byte});
  });
}

OpDef decoder(DType dtype, const char* doc, BlockFormat format) {
  const int64_t bytes = info(dtype).bytes_per_block;
  const std::string name(to_string(dtype));
  return {.name = "decode_" + name,
          .doc = cat({"Values of rows stored in ", name, " blocks: ", doc,
                      "\nThe last axis of x is the bytes of a row, ", bytes,
                      " for each ", info(dtype).values_per_block,
                      " values. A weight whose stored tensor has this type "
                      "is read through this op by itself."}),
          .signature = "x: uint8[..., R] -> float32[..., K]",
          .define =
              [dtype, format](OpBuilder& b) {
                define_decoder(b, dtype, format);
              },
          .samples = {cat({"x: uint8[N, ", bytes, "]"}),
                      cat({"x: uint8[2, 3, ", 2 * bytes, "]"}),
                      cat({"x: uint8[", bytes, ", 3].T"})},
          .decodes = dtype};
}

const RegisterOp kQ40(decoder(DType::kQ4_0, "d (q - 8), q of 4 bits.", q4_0));
const RegisterOp kQ41(decoder(DType::kQ4_1, "d q + m, q of 4 bits.", q4_1));
const RegisterOp kQ50(decoder(DType::kQ5_0, "d (q - 16), q of 5 bits.", q5_0));
const RegisterOp kQ51(decoder(DType::kQ5_1, "d q + m, q of 5 bits.", q5_1));
const RegisterOp kQ80(decoder(DType::kQ8_0, "d q, q of 8 bits.", q8_0));
const RegisterOp kQ2K(decoder(
    DType::kQ2_K,
    "d s q - e m, q of 2 bits; s and m of 4 bits for 16 values.", q2_k));
const RegisterOp kQ3K(decoder(
    DType::kQ3_K, "d s (q - 4), q of 3 bits; s of 6 bits for 16 values.",
    q3_k));
const RegisterOp kQ4K(decoder(
    DType::kQ4_K,
    "d s q - e m, q of 4 bits; s and m of 6 bits for 32 values.", q4_k));
const RegisterOp kQ5K(decoder(
    DType::kQ5_K,
    "d s q - e m, q of 5 bits; s and m of 6 bits for 32 values.", q5_k));
const RegisterOp kQ6K(decoder(
    DType::kQ6_K, "d s (q - 32), q of 6 bits; s of 8 bits for 16 values.",
    q6_k));

}  // namespace
}  // namespace lathe
