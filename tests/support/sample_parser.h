#pragma once
// Reads the text form of op calls in samples; see op_samples.h.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/op.h"

namespace lathe {

// A tensor in a sample.
struct SampleTensor {
  std::optional<DType> dtype;
  Shape shape;
  bool transposed = false;
  std::optional<int64_t> below;
};

// One argument: tensors, or a plain argument where there are none.
struct SampleArg {
  std::string name;
  bool is_list = false;
  std::vector<SampleTensor> tensors;
  OpArg plain;
};

std::vector<SampleArg> parse_sample(const OpDef& op, std::string_view text);

// `value` as an argument of the parameter: "[2, -1]", "0.5", "silu".
OpArg parse_plain_argument(const OpParam& param, std::string_view value);

}  // namespace lathe
