// Loads of the reference engine. Addresses are computed once a block where
// they do not depend on a reduction's variable; runs of neighbours and single
// elements are the common cases.

#include <algorithm>

#include "interpreter/eval_lanes.h"
#include "spec/check.h"

namespace lathe {
namespace {

template <typename T, typename Out>
struct Plain {
  using Result = Out;
  static Out get(const std::byte* data, int64_t i) {
    return static_cast<Out>(reinterpret_cast<const T*>(data)[i]);
  }
};

template <typename Bits, float (*decode)(Bits)>
struct Coded {
  using Result = double;
  static double get(const std::byte* data, int64_t i) {
    return decode(reinterpret_cast<const Bits*>(data)[i]);
  }
};

struct BrainFloat {
  using Result = double;
  static double get(const std::byte* data, int64_t i) {
    const uint32_t bits = static_cast<uint32_t>(
                              reinterpret_cast<const uint16_t*>(data)[i])
                          << 16;
    return __builtin_bit_cast(float, bits);
  }
};

// Calls f(Reader()) for the reader of the dtype.
template <typename F>
auto with_reader(DType dtype, F f) {
  switch (dtype) {
    case DType::kBool:
      return f(Plain<uint8_t, uint8_t>());
    case DType::kInt8:
      return f(Plain<int8_t, int64_t>());
    case DType::kUInt8:
      return f(Plain<uint8_t, int64_t>());
    case DType::kInt16:
      return f(Plain<int16_t, int64_t>());
    case DType::kInt32:
      return f(Plain<int32_t, int64_t>());
    case DType::kInt64:
      return f(Plain<int64_t, int64_t>());
    case DType::kFloat8E4M3FN:
      return f(Coded<uint8_t, float8_e4m3fn_value>());
    case DType::kFloat8E5M2:
      return f(Coded<uint8_t, float8_e5m2_value>());
    case DType::kFloat16:
      return f(Coded<uint16_t, float16_value>());
    case DType::kBFloat16:
      return f(BrainFloat());
    case DType::kFloat32:
      return f(Plain<float, double>());
    case DType::kFloat64:
      return f(Plain<double, double>());
    LATHE_BLOCK_CASES:
      break;
  }
  LATHE_CHECK(false, "unknown dtype");
}

}  // namespace

const LaneEvaluator::Address& LaneEvaluator::block_address(
    const EvalNode& node, const LaneBlock& block) {
  Address& address = addresses_[node.cache];
  if (address.block == block.id) return address;
  address.block = block.id;
  address.uniform = std::none_of(
      node.terms.begin(), node.terms.end(), [&](const EvalTerm& term) {
        return block.variables[term.variable].lanes != nullptr;
      });
  address.contiguous = false;
  address.lowest = address.highest = 0;
  if (address.uniform) return address;
  address.lanes.assign(block.count, 0);
  for (const EvalTerm& term : node.terms) {
    const int64_t* values = block.variables[term.variable].lanes;
    if (!values) continue;
    for (int i = 0; i < block.count; ++i) {
      address.lanes[i] += term.factor * values[i];
    }
  }
  const auto [low, high] =
      std::minmax_element(address.lanes.begin(), address.lanes.end());
  address.lowest = *low;
  address.highest = *high;
  address.uniform = address.lowest == address.highest;
  if (address.uniform) return address;
  address.contiguous = true;
  for (int i = 1; i < block.count && address.contiguous; ++i) {
    address.contiguous = address.lanes[i] == address.lanes[i - 1] + 1;
  }
  return address;
}

// `address`: one offset a lane; null: consecutive ones.
Column LaneEvaluator::load_at(const EvalNode& node, const int64_t* address,
                              int64_t offset, const LaneBlock& block) {
  const Tensor& tensor = slots_[node.slot];
  return with_reader(tensor.dtype(), [&](auto reader) -> Column {
    using Reader = decltype(reader);
    using T = typename Reader::Result;
    const std::byte* data = tensor.data();
    T* out = memory_.take<T>(block.count);
    if (address) {
      for (int i = 0; i < block.count; ++i) {
        out[i] = Reader::get(data, offset + address[i]);
      }
    } else {
      for (int i = 0; i < block.count; ++i) {
        out[i] = Reader::get(data, offset + i);
      }
    }
    return {out, false};
  });
}

Column LaneEvaluator::load(const EvalNode& node, LaneBlock& block) {
  std::vector<const int64_t*> computed;
  for (const EvalNode& arg : node.args) {
    computed.push_back(lanes<int64_t>(arg, block));
  }
  int64_t offset = node.offset;
  for (const EvalTerm& term : node.terms) {
    const LaneVariable& variable = block.variables[term.variable];
    if (!variable.lanes) offset += term.factor * variable.value;
  }
  const Address& address = block_address(node, block);
  const Tensor& tensor = slots_[node.slot];
  const auto check = [&](int64_t low, int64_t high) {
    LATHE_CHECK(low >= 0 && high < tensor.numel(), "slot ", node.slot,
                " has ", tensor.numel(), " elements, read at ", low, " to ",
                high);
  };
  if (computed.empty()) {
    check(offset + address.lowest, offset + address.highest);
    if (address.uniform) {
      LaneBlock one;
      one.count = 1;
      return {load_at(node, nullptr, offset + address.lowest, one).data, true};
    }
    if (address.contiguous) {
      return load_at(node, nullptr, offset + address.lanes[0], block);
    }
    return load_at(node, address.lanes.data(), offset, block);
  }
  int64_t* total = memory_.take<int64_t>(block.count);
  for (int i = 0; i < block.count; ++i) {
    total[i] = address.uniform ? address.lowest : address.lanes[i];
    for (size_t k = 0; k < computed.size(); ++k) {
      total[i] += node.strides[k] * computed[k][i];
    }
  }
  const auto [low, high] = std::minmax_element(total, total + block.count);
  check(offset + *low, offset + *high);
  return load_at(node, total, offset, block);
}

}  // namespace lathe
