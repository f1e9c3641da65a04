#include "codegen/integer_range.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <unordered_map>

namespace lathe {
namespace {

using FoundRange = std::optional<IntegerRange>;

constexpr int64_t kLargest = int64_t{1} << 40;

FoundRange within_limits(int64_t low, int64_t high) {
  if (low < -kLargest || high > kLargest) return std::nullopt;
  return IntegerRange{low, high};
}

FoundRange all_of(DType dtype) {
  if (is_bool(dtype)) return IntegerRange{0, 1};
  if (!is_int(dtype) || size_of(dtype) > 4) return std::nullopt;
  int64_t values = int64_t{1} << (8 * size_of(dtype));
  if (dtype == DType::kUInt8) return IntegerRange{0, values - 1};
  return IntegerRange{-values / 2, values / 2 - 1};
}

// The numbers of as many bits as `largest` has.
FoundRange with_bits_of(int64_t largest) {
  int bits = std::bit_width(static_cast<uint64_t>(largest));
  return IntegerRange{0, (int64_t{1} << bits) - 1};
}

class RangeFinder {
 public:
  explicit RangeFinder(const Ranges& ranges) : ranges_(ranges) {}

  FoundRange visit(const Expr& expr) {
    auto found = done_.find(expr.get());
    if (found != done_.end()) return found->second;
    FoundRange of =
        std::visit([&](const auto& node) { return range(node); }, expr->node);
    done_.emplace(expr.get(), of);
    return of;
  }

 private:
  FoundRange range(const Literal& node) {
    auto* number = std::get_if<int64_t>(&node.value);
    return number ? within_limits(*number, *number) : std::nullopt;
  }
  FoundRange range(const VarRef& node) {
    return below(ranges_.extent(node.var.get()));
  }
  FoundRange range(const SizeOf& node) {
    if (!node.dim.is_static()) return std::nullopt;
    return within_limits(node.dim.value(), node.dim.value());
  }
  FoundRange range(const Load& node) { return all_of(node.dtype); }
  FoundRange range(const Cast& node) {
    FoundRange all = all_of(node.dtype);
    if (node.arg->type != NumType::kInt64) return all;
    FoundRange of = visit(node.arg);
    if (!all) return node.dtype == DType::kInt64 ? of : all;
    bool fits = of && of->low >= all->low && of->high <= all->high;
    return fits ? of : all;
  }
  FoundRange range(const CheckedIndex& node) {
    FoundRange extent = visit(node.extent);
    if (!extent || extent->high < 1) return std::nullopt;
    return IntegerRange{0, extent->high - 1};
  }
  FoundRange range(const Reduce&) { return std::nullopt; }
  FoundRange range(const Ramp&) { return std::nullopt; }
  FoundRange range(const Call& node) {
    if (node.op == ScalarOp::kSelect) {
      FoundRange a = visit(node.args[1]), b = visit(node.args[2]);
      if (!a || !b) return std::nullopt;
      return IntegerRange{std::min(a->low, b->low),
                          std::max(a->high, b->high)};
    }
    FoundRange a = visit(node.args[0]), b = visit(node.args.back());
    if (node.op == ScalarOp::kBitAnd) return both_bits(a, b);
    if (!a || !b) return std::nullopt;
    return combined(node.op, *a, *b);
  }

  // The bits that a number without a sign lets through.
  static FoundRange both_bits(const FoundRange& a, const FoundRange& b) {
    int64_t high = kLargest;
    if (a && a->low >= 0) high = std::min(high, a->high);
    if (b && b->low >= 0) high = std::min(high, b->high);
    if (high == kLargest) return std::nullopt;
    return IntegerRange{0, high};
  }

  static FoundRange combined(ScalarOp op, const IntegerRange& a,
                             const IntegerRange& b) {
    bool plain = a.low >= 0 && b.low >= 0;
    bool shifts = b.low >= 0 && b.high <= 20;
    if (op == ScalarOp::kAdd) {
      return within_limits(a.low + b.low, a.high + b.high);
    }
    if (op == ScalarOp::kSub) {
      return within_limits(a.low - b.high, a.high - b.low);
    }
    if (op == ScalarOp::kNeg) return within_limits(-a.high, -a.low);
    if (op == ScalarOp::kMul) return product(a, b);
    if (op == ScalarOp::kMod && b.low > 0) return IntegerRange{0, b.high - 1};
    if (op == ScalarOp::kFloorDiv && plain && b.low > 0) {
      return IntegerRange{a.low / b.high, a.high / b.low};
    }
    if ((op == ScalarOp::kBitOr || op == ScalarOp::kBitXor) && plain) {
      return with_bits_of(a.high | b.high);
    }
    if (op == ScalarOp::kShiftLeft && shifts) {
      return product(a, {int64_t{1} << b.low, int64_t{1} << b.high});
    }
    if (op == ScalarOp::kShiftRight && b.low >= 0 && b.high <= 63) {
      return IntegerRange{std::min(a.low >> b.low, a.low >> b.high),
                          std::max(a.high >> b.low, a.high >> b.high)};
    }
    return std::nullopt;
  }

  static FoundRange product(const IntegerRange& a, const IntegerRange& b) {
    constexpr int64_t kSafe = int64_t{1} << 31;
    for (int64_t x : {a.low, a.high, b.low, b.high}) {
      if (x < -kSafe || x > kSafe) return std::nullopt;
    }
    auto [low, high] = std::minmax(
        {a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high});
    return within_limits(low, high);
  }

  static FoundRange below(const Dim* extent) {
    if (!extent || !extent->is_static()) return std::nullopt;
    return within_limits(0, std::max<int64_t>(1, extent->value()) - 1);
  }

  const Ranges& ranges_;
  std::unordered_map<const ExprNode*, FoundRange> done_;
};

// The smallest and largest value of a float that is no NaN.
struct FloatRange {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

FloatRange float_range_of(const Expr& expr) {
  if (auto* literal = std::get_if<Literal>(&expr->node)) {
    auto* number = std::get_if<double>(&literal->value);
    return number ? FloatRange{*number, *number} : FloatRange{};
  }
  auto* node = std::get_if<Call>(&expr->node);
  if (!node) return {};
  if (node->op == ScalarOp::kRound) {
    const FloatRange a = float_range_of(node->args[0]);
    return {std::floor(a.low), std::ceil(a.high)};
  }
  if (node->op != ScalarOp::kMin && node->op != ScalarOp::kMax) return {};
  const FloatRange a = float_range_of(node->args[0]);
  const FloatRange b = float_range_of(node->args[1]);
  if (node->op == ScalarOp::kMin) {
    return {std::min(a.low, b.low), std::min(a.high, b.high)};
  }
  return {std::max(a.low, b.low), std::max(a.high, b.high)};
}

}  // namespace

bool fits_int32(const Expr& expr) {
  // The next float32 above is 2^31.
  constexpr double kLow = -2147483648.0, kHigh = 2147483520.0;
  const FloatRange range = float_range_of(expr);
  return kLow <= range.low && range.high <= kHigh;
}

std::optional<IntegerRange> range_of(const Expr& expr, const Ranges& ranges) {
  return RangeFinder(ranges).visit(expr);
}

int bits_of(const IntegerRange& range) {
  uint64_t most = static_cast<uint64_t>(range.high - range.low);
  return std::max(1, static_cast<int>(std::bit_width(most)));
}

}  // namespace lathe
