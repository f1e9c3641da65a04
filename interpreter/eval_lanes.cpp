#include "interpreter/eval_lanes.h"

#include <algorithm>

#include "spec/check.h"

namespace lathe {
namespace {

template <typename T>
void fill(T* out, int count, T value) {
  std::fill(out, out + count, value);
}

}  // namespace

int64_t* LaneMemory::take_words(size_t count) {
  LATHE_CHECK(count <= kChunkWords, "a column of ", count, " words");
  if (!chunks_.empty() && mark_.used + count > kChunkWords) {
    ++mark_.chunk;
    mark_.used = 0;
  }
  if (mark_.chunk >= chunks_.size()) {
    chunks_.push_back(std::make_unique<int64_t[]>(kChunkWords));
  }
  int64_t* words = chunks_[mark_.chunk].get() + mark_.used;
  mark_.used += count;
  return words;
}

Column LaneEvaluator::evaluate(const EvalNode& node, LaneBlock& block) {
  switch (node.kind) {
    case EvalKind::kConstant:
      if (node.type == NumType::kBool) {
        uint8_t* out = memory_.take<uint8_t>(1);
        *out = as_bool(node.constant) ? 1 : 0;
        return {out, true};
      }
      if (node.type == NumType::kInt64) {
        int64_t* out = memory_.take<int64_t>(1);
        *out = as_int(node.constant);
        return {out, true};
      }
      {
        double* out = memory_.take<double>(1);
        *out = as_double(node.constant);
        return {out, true};
      }
    case EvalKind::kVariable: {
      const LaneVariable& variable = block.variables[node.variable];
      if (variable.lanes) return {variable.lanes, false};
      int64_t* out = memory_.take<int64_t>(1);
      *out = variable.value;
      return {out, true};
    }
    case EvalKind::kLoad:
      return load(node, block);
    case EvalKind::kCall:
      return call(node, block);
    case EvalKind::kSelect:
      return select(node, block);
    case EvalKind::kCast:
      return cast(node, block);
    case EvalKind::kReduce:
      return reduce(node, block);
    case EvalKind::kChecked:
      return checked(node, block);
  }
  LATHE_CHECK(false, "unknown kind of node");
}

const void* LaneEvaluator::expand(const Column& column, NumType type,
                                  int count) {
  if (!column.uniform) return column.data;
  if (type == NumType::kBool) {
    uint8_t* out = memory_.take<uint8_t>(count);
    fill(out, count, *column.as<uint8_t>());
    return out;
  }
  if (type == NumType::kInt64) {
    int64_t* out = memory_.take<int64_t>(count);
    fill(out, count, *column.as<int64_t>());
    return out;
  }
  double* out = memory_.take<double>(count);
  fill(out, count, *column.as<double>());
  return out;
}

template <typename T>
const T* LaneEvaluator::lanes(const EvalNode& node, LaneBlock& block) {
  return static_cast<const T*>(
      expand(evaluate(node, block), node.type, block.count));
}
template const double* LaneEvaluator::lanes(const EvalNode&, LaneBlock&);
template const int64_t* LaneEvaluator::lanes(const EvalNode&, LaneBlock&);
template const uint8_t* LaneEvaluator::lanes(const EvalNode&, LaneBlock&);

namespace {

template <typename In, typename Out>
const void* run(void (*function)(int, const In*, const In*, Out*), int count,
                const void* a, const void* b, LaneMemory& memory) {
  LATHE_CHECK(function != nullptr, "no such function on these types");
  Out* out = memory.take<Out>(count);
  function(count, static_cast<const In*>(a), static_cast<const In*>(b), out);
  return out;
}

}  // namespace

Column LaneEvaluator::call(const EvalNode& node, LaneBlock& block) {
  const NumType type = node.args[0].type;
  Column columns[2];
  bool uniform = true;
  for (size_t i = 0; i < node.args.size(); ++i) {
    columns[i] = evaluate(node.args[i], block);
    uniform &= columns[i].uniform;
  }
  const int count = uniform ? 1 : block.count;
  const void* values[2] = {nullptr, nullptr};
  for (size_t i = 0; i < node.args.size(); ++i) {
    values[i] = expand(columns[i], type, count);
  }
  const ScalarFunction& f = *node.function;
  const auto result = [&]() -> const void* {
    const void* a = values[0];
    const void* b = values[1];
    if (type == NumType::kBool) return run(f.bools, count, a, b, memory_);
    if (type == NumType::kInt64) {
      if (f.int_floats) return run(f.int_floats, count, a, b, memory_);
      return f.int_tests ? run(f.int_tests, count, a, b, memory_)
                         : run(f.ints, count, a, b, memory_);
    }
    return f.float_tests ? run(f.float_tests, count, a, b, memory_)
                         : run(f.floats, count, a, b, memory_);
  };
  return {result(), uniform};
}

namespace {

template <typename In, typename Out, typename F>
const Out* convert_lanes(int count, const void* in, LaneMemory& memory, F f) {
  const In* values = static_cast<const In*>(in);
  Out* out = memory.take<Out>(count);
  for (int i = 0; i < count; ++i) out[i] = f(values[i]);
  return out;
}

int64_t wrap_to(DType dtype, int64_t value) {
  int64_t stored = 0;
  store_int(dtype, &stored, value);
  return load_int(dtype, &stored);
}

}  // namespace

Column LaneEvaluator::cast(const EvalNode& node, LaneBlock& block) {
  const Column arg = evaluate(node.args[0], block);
  const int n = arg.uniform ? 1 : block.count;
  const NumType from = node.args[0].type;
  const DType to = node.dtype;
  const void* result = nullptr;
  const auto rounded = [to](double v) { return round_to(to, v); };
  if (is_float(node.type)) {
    if (from == NumType::kBool) {
      result = convert_lanes<uint8_t, double>(n, arg.data, memory_, rounded);
    } else if (from == NumType::kInt64) {
      result = convert_lanes<int64_t, double>(
          n, arg.data, memory_,
          [&](int64_t v) { return rounded(static_cast<double>(v)); });
    } else {
      result = convert_lanes<double, double>(n, arg.data, memory_, rounded);
    }
  } else if (node.type == NumType::kInt64) {
    const auto wrapped = [to](int64_t v) { return wrap_to(to, v); };
    if (from == NumType::kBool) {
      result = convert_lanes<uint8_t, int64_t>(n, arg.data, memory_, wrapped);
    } else if (from == NumType::kInt64) {
      result = convert_lanes<int64_t, int64_t>(n, arg.data, memory_, wrapped);
    } else {
      result = convert_lanes<double, int64_t>(
          n, arg.data, memory_,
          [&](double v) { return wrapped(truncate_to_int(v)); });
    }
  } else {
    const auto truth = [](auto v) -> uint8_t { return v != 0; };
    if (from == NumType::kBool) return arg;
    result = from == NumType::kInt64
                 ? convert_lanes<int64_t, uint8_t>(n, arg.data, memory_, truth)
                 : convert_lanes<double, uint8_t>(n, arg.data, memory_, truth);
  }
  return {result, arg.uniform};
}

Column LaneEvaluator::checked(const EvalNode& node, LaneBlock& block) {
  const Column index = evaluate(node.args[0], block);
  const int n = index.uniform ? 1 : block.count;
  const Column extent = evaluate(node.args[1], block);
  LATHE_CHECK(extent.uniform, "an extent that differs between elements");
  const int64_t size = *extent.as<int64_t>();
  int64_t* out = memory_.take<int64_t>(n);
  for (int i = 0; i < n; ++i) {
    const int64_t value = index.as<int64_t>()[i];
    if (value < -size || value >= size) fault_(value, size, block, i);
    out[i] = value < 0 ? value + size : value;
  }
  return {out, index.uniform};
}

// The chosen lanes as a block of their own.
LaneBlock LaneEvaluator::subset(const LaneBlock& block,
                                const std::vector<int>& chosen) {
  LaneBlock part;
  part.count = static_cast<int>(chosen.size());
  part.id = next_id();
  part.variables = block.variables;
  for (LaneVariable& variable : part.variables) {
    if (!variable.lanes) continue;
    int64_t* lanes = memory_.take<int64_t>(part.count);
    for (int i = 0; i < part.count; ++i) lanes[i] = variable.lanes[chosen[i]];
    variable.lanes = lanes;
  }
  return part;
}

namespace {

template <typename T>
void place(const void* values, const std::vector<int>& chosen, T* out) {
  for (size_t i = 0; i < chosen.size(); ++i) {
    out[chosen[i]] = static_cast<const T*>(values)[i];
  }
}

}  // namespace

Column LaneEvaluator::select(const EvalNode& node, LaneBlock& block) {
  const Column condition = evaluate(node.args[0], block);
  if (condition.uniform) {
    return evaluate(node.args[*condition.as<uint8_t>() ? 1 : 2], block);
  }
  std::vector<int> chosen[2];
  for (int i = 0; i < block.count; ++i) {
    chosen[condition.as<uint8_t>()[i] ? 0 : 1].push_back(i);
  }
  for (int side : {0, 1}) {
    if (chosen[1 - side].empty()) return evaluate(node.args[1 + side], block);
  }
  void* out = memory_.take<double>(block.count);
  for (int side : {0, 1}) {
    const EvalNode& arg = node.args[1 + side];
    LaneBlock part = subset(block, chosen[side]);
    const void* values = expand(evaluate(arg, part), arg.type, part.count);
    if (node.type == NumType::kBool) {
      place(values, chosen[side], static_cast<uint8_t*>(out));
    } else if (node.type == NumType::kInt64) {
      place(values, chosen[side], static_cast<int64_t*>(out));
    } else {
      place(values, chosen[side], static_cast<double*>(out));
    }
  }
  return {out, false};
}

}  // namespace lathe
