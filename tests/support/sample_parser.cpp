#include "tests/support/sample_parser.h"

#include <algorithm>
#include <charconv>

#include "spec/check.h"
#include "spec/text.h"

namespace lathe {
namespace {

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

// The parts between commas outside of brackets and braces.
std::vector<std::string_view> split_items(std::string_view text) {
  std::vector<std::string_view> items;
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '[' || text[i] == '{') ++depth;
    if (text[i] == ']' || text[i] == '}') --depth;
    if (text[i] == ',' && depth == 0) {
      items.push_back(trim(text.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  if (!trim(text).empty()) items.push_back(trim(text.substr(begin)));
  return items;
}

std::string_view inside(std::string_view text, char open, char close) {
  LATHE_CHECK(text.size() >= 2 && text.front() == open &&
                  text.back() == close,
              "not in brackets: ", text);
  return text.substr(1, text.size() - 2);
}

template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

Dim parse_dim(std::string_view text) {
  if (const auto number = parse_number<int64_t>(text)) return *number;
  return Dim::symbol(text);
}

SampleTensor parse_tensor(std::string_view text) {
  SampleTensor tensor;
  if (const size_t below = text.find(" < "); below != text.npos) {
    tensor.below = parse_number<int64_t>(text.substr(below + 3));
    text = text.substr(0, below);
  }
  if (text.ends_with(".T")) {
    tensor.transposed = true;
    text.remove_suffix(2);
  }
  const size_t bracket = text.find('[');
  if (bracket != 0) tensor.dtype = parse_dtype(text.substr(0, bracket));
  for (std::string_view item :
       split_items(inside(text.substr(bracket), '[', ']'))) {
    tensor.shape.push_back(parse_dim(item));
  }
  return tensor;
}

const OpParam& param_of(const OpDef& op, std::string_view name) {
  const OpSignature& signature = OpRegistry::instance().signature(op);
  const auto found =
      std::find_if(signature.params.begin(), signature.params.end(),
                   [&](const OpParam& p) { return p.name == name; });
  LATHE_CHECK(found != signature.params.end(), op.name, " has no ", name);
  return *found;
}

SampleArg parse_argument(const OpDef& op, std::string_view text) {
  const size_t colon = text.find(": ");
  LATHE_CHECK(colon != text.npos, "no name in the sample argument ", text);
  SampleArg arg;
  arg.name = std::string(text.substr(0, colon));
  const std::string_view value = trim(text.substr(colon + 2));
  const OpParam& param = param_of(op, arg.name);
  if (param.kind == OpParamKind::kTensors) {
    arg.is_list = true;
    for (std::string_view item : split_items(inside(value, '{', '}'))) {
      arg.tensors.push_back(parse_tensor(item));
    }
  } else if (param.kind == OpParamKind::kTensor &&
             value.find('[') != value.npos) {
    arg.tensors.push_back(parse_tensor(value));
  } else {
    arg.plain = parse_plain_argument(param, value);
  }
  return arg;
}

}  // namespace

OpArg parse_plain_argument(const OpParam& param, std::string_view value) {
  if (value == "none") return {};
  if (value == "true" || value == "false") return {value == "true", {}};
  if (value.front() == '[') {
    OpArgs list;
    for (std::string_view item : split_items(inside(value, '[', ']'))) {
      list.push_back(parse_plain_argument(param, item));
    }
    return {list, {}};
  }
  if (param.kind == OpParamKind::kString) return {std::string(value), {}};
  if (param.kind == OpParamKind::kDType) return {*parse_dtype(value), {}};
  if (parse_number<int64_t>(value)) return {parse_dim(value), {}};
  if (const auto number = parse_number<double>(value)) return {*number, {}};
  return {Dim::symbol(value), {}};
}

std::vector<SampleArg> parse_sample(const OpDef& op, std::string_view text) {
  std::vector<SampleArg> args;
  for (std::string_view item : split_items(text)) {
    args.push_back(parse_argument(op, item));
  }
  return args;
}

}  // namespace lathe
