#include "codegen/render_tables.h"

#include <fmt/core.h>

#include <cmath>

#include "spec/check.h"
#include "spec/dim_poly.h"

namespace lathe::cpu {
namespace {

Spelling infix(const char* text, int strength) {
  return {.infix = text, .strength = strength};
}
Spelling prefix(const char* text) { return {.prefix = text, .strength = 12}; }
Spelling function(const char* text) {
  return {.function = text, .strength = 13};
}

std::string atom_text(const DimAtom& atom) {
  std::string operands;
  if (atom.kind != DimAtomKind::kSymbol) {
    operands =
        cat({"((i64)(", dim_text(atom.a), "), (i64)(", dim_text(atom.b), "))"});
  }
  switch (atom.kind) {
    case DimAtomKind::kSymbol:
      return atom.key;
    case DimAtomKind::kFloorDiv:
      return "floor_div" + operands;
    case DimAtomKind::kMin:
      return "min_" + operands;
    case DimAtomKind::kMax:
      return "max_" + operands;
  }
  return "";
}

}  // namespace

std::string dim_text(const Dim& dim) {
  if (dim.is_static()) return std::to_string(dim.value());
  std::string text;
  for (const DimTerm& term : dim.poly()->terms) {
    bool minus = term.coefficient < 0;
    uint64_t size = static_cast<uint64_t>(term.coefficient);
    if (minus) size = 0 - size;
    std::string product =
        size == 1 && !term.factors.empty() ? "" : std::to_string(size);
    for (const DimAtomRef& atom : term.factors) {
      product += (product.empty() ? "" : " * ") + atom_text(*atom);
    }
    if (text.empty()) {
      text = (minus ? "-" : "") + product;
    } else {
      text += (minus ? " - " : " + ") + product;
    }
  }
  return text;
}

Spelling spelling_of(ScalarOp op, NumType arg_type, bool vector) {
  switch (op) {
    case ScalarOp::kAdd:
      return infix(" + ", 10);
    case ScalarOp::kSub:
      return infix(" - ", 10);
    case ScalarOp::kMul:
      return infix(" * ", 11);
    case ScalarOp::kDiv:
      return infix(" / ", 11);
    case ScalarOp::kFloorDiv:
      return function("floor_div");
    case ScalarOp::kMod:
      return function("floor_mod");
    case ScalarOp::kPow:
      return function("pow_");
    case ScalarOp::kMin:
      return function("min_");
    case ScalarOp::kMax:
      return function("max_");
    case ScalarOp::kNeg:
      return prefix("-");
    case ScalarOp::kAbs:
      return function("abs_");
    case ScalarOp::kFloor:
      return function("floor_");
    case ScalarOp::kCeil:
      return function("ceil_");
    case ScalarOp::kTrunc:
      return function("trunc_");
    case ScalarOp::kRound:
      return function("round_");
    case ScalarOp::kExp:
      return function("exp_");
    case ScalarOp::kLog:
      return function("log_");
    case ScalarOp::kLog1p:
      return function("log1p_");
    case ScalarOp::kSqrt:
      return function("sqrt_");
    case ScalarOp::kRsqrt:
      return function("rsqrt_");
    case ScalarOp::kSin:
      return function("sin_");
    case ScalarOp::kCos:
      return function("cos_");
    case ScalarOp::kTanh:
      return function("tanh_");
    case ScalarOp::kErf:
      return function("erf_");
    case ScalarOp::kSigmoid:
      return function("sigmoid_");
    case ScalarOp::kEqual:
      return infix(" == ", 7);
    case ScalarOp::kNotEqual:
      return infix(" != ", 7);
    case ScalarOp::kLess:
      return infix(" < ", 8);
    case ScalarOp::kLessEqual:
      return infix(" <= ", 8);
    // On bools `&` does not branch, which lets loops vectorise; on masks it is
    // the only form.
    case ScalarOp::kAnd:
      return infix(" & ", 6);
    case ScalarOp::kOr:
      return infix(" | ", 4);
    case ScalarOp::kXor:
      return infix(" ^ ", 5);
    case ScalarOp::kNot:
      return prefix(vector ? "~" : "!");
    case ScalarOp::kIsNan:
      return function("is_nan");
    case ScalarOp::kIsInf:
      return function("is_inf");
    case ScalarOp::kSelect:
      return infix(" ? ", 1);
    case ScalarOp::kBitAnd:
      return infix(" & ", 6);
    case ScalarOp::kBitOr:
      return infix(" | ", 4);
    case ScalarOp::kBitXor:
      return infix(" ^ ", 5);
    case ScalarOp::kShiftLeft:
      return function("shift_left");
    case ScalarOp::kShiftRight:
      return function("shift_right");
    case ScalarOp::kFloat16Bits:
      return function("float16_bits");
    case ScalarOp::kFloat32Bits:
      return function("float32_bits");
  }
  LATHE_CHECK(false, "no such function of ", to_string(arg_type));
  return {};
}

std::string type_name(NumType type, int lanes) {
  const char* scalar = type == NumType::kBool      ? "bool"
                       : type == NumType::kInt64   ? "i64"
                       : type == NumType::kFloat32 ? "f32"
                                                   : "f64";
  if (lanes == 1) return scalar;
  // Lanes of integers are as wide as those of float32.
  return type == NumType::kInt64 ? "i32v" : cat({scalar, "v"});
}

const char* storage_name(DType dtype) {
  switch (dtype) {
    case DType::kBool:
    case DType::kUInt8:
    case DType::kFloat8E4M3FN:
    case DType::kFloat8E5M2:
      return "u8";
    case DType::kInt8:
      return "i8";
    case DType::kInt16:
      return "i16";
    case DType::kFloat16:
    case DType::kBFloat16:
      return "u16";
    case DType::kInt32:
      return "i32";
    case DType::kInt64:
      return "i64";
    case DType::kFloat32:
      return "f32";
    case DType::kFloat64:
      return "f64";
    LATHE_BLOCK_CASES:
      break;
  }
  LATHE_CHECK(false, to_string(dtype), " is no type of an element");
  return "";
}

const char* format_name(DType dtype) {
  switch (dtype) {
    case DType::kFloat8E4M3FN:
      return "e4m3";
    case DType::kFloat8E5M2:
      return "e5m2";
    case DType::kFloat16:
      return "f16";
    case DType::kBFloat16:
      return "bf16";
    case DType::kFloat32:
      return "f32";
    case DType::kFloat64:
      return "f64";
    case DType::kInt8:
    case DType::kUInt8:
    case DType::kInt16:
    case DType::kInt32:
      return storage_name(dtype);
    case DType::kBool:
    case DType::kInt64:
    LATHE_BLOCK_CASES:
      break;
  }
  LATHE_CHECK(false, to_string(dtype), " has no vectors");
  return "";
}

std::string float_text(double value, NumType type) {
  bool single = type == NumType::kFloat32;
  const char* suffix = single ? "f" : "";
  if (std::isnan(value)) return cat({"__builtin_nan", suffix, "(\"\")"});
  if (std::isinf(value)) {
    return cat({value < 0 ? "-" : "", "__builtin_inf", suffix, "()"});
  }
  std::string text = single ? fmt::format("{}", static_cast<float>(value))
                            : fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text + suffix;
}

}  // namespace lathe::cpu
