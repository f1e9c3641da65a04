#include "runtime/run_inputs.h"

#include <algorithm>

#include "spec/diagnostic.h"
#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Throws for an integer outside the range of the declared type.
void check_range(const InputInfo& input, const Tensor& tensor) {
  const int64_t lowest = lowest_int(input.type.dtype);
  const int64_t highest = highest_int(input.type.dtype);
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    const int64_t value = tensor.int_at(i);
    if (value >= lowest && value <= highest) continue;
    fail("L0404", input.span,
         cat({"input `", input.name, "` holds ", value, " at position ", i,
              ", which is no ", to_string(input.type.dtype)}));
  }
}

}  // namespace

std::map<std::string, Tensor> RunInputs::convert(
    const std::map<std::string, Tensor>& given) {
  check_names(given);
  std::map<std::string, Tensor> result;
  for (const InputInfo& input : inputs_) {
    const auto found = given.find(input.name);
    if (found == given.end()) continue;
    result.emplace(input.name, convert_one(input, found->second));
  }
  return result;
}

void RunInputs::check_names(const std::map<std::string, Tensor>& given) const {
  Diagnostics mistakes;
  std::vector<std::string> names;
  for (const InputInfo& input : inputs_) {
    names.push_back(input.name);
    if (!given.count(input.name) && !input.default_value) {
      mistakes.error("L0518", input.span,
                     cat({"input `", input.name, "` is missing"}));
    }
  }
  for (const auto& [name, tensor] : given) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    mistakes.error("L0518", {}, cat({"there is no input `", name, "`"}),
                   did_you_mean(name, names));
  }
  mistakes.throw_if_errors();
}

Tensor RunInputs::convert_one(const InputInfo& input, const Tensor& tensor) {
  const DType from = tensor.dtype();
  const DType to = input.type.dtype;
  if (from == to) return tensor;
  if (info(from).dtype_class != info(to).dtype_class) {
    fail("L0404", input.span,
         cat({"input `", input.name, "` wants ", to_string(to), " and gets ",
              to_string(from)}));
  }
  if (is_int(to)) check_range(input, tensor);
  if (noted_.insert(input.name).second) {
    reporter_.note(cat({"input `", input.name, "` is converted from ",
                        to_string(from), " to ", to_string(to)}));
  }
  return lathe::convert(tensor, to);
}

void RunInputs::fill_defaults(std::map<std::string, Tensor>& tensors,
                              const DimBindings& dims) const {
  for (const InputInfo& input : inputs_) {
    if (tensors.count(input.name)) continue;
    Tensor tensor(input.type.dtype, eval(input.type.shape, dims));
    if (*input.default_value != 0) {
      for (int64_t i = 0; i < tensor.numel(); ++i) {
        tensor.set(i, *input.default_value);
      }
    }
    tensors.emplace(input.name, std::move(tensor));
  }
}

}  // namespace lathe
