// Signatures of ops: text to OpSignature.

#include <charconv>

#include "interpreter/op.h"
#include "spec/check.h"
#include "spec/text.h"

namespace lathe {
namespace {

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

// The parts between commas that stand outside of brackets.
std::vector<std::string_view> split_arguments(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '[') ++depth;
    if (text[i] == ']') --depth;
    if (text[i] == ',' && depth == 0) {
      parts.push_back(trim(text.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  if (!trim(text).empty()) parts.push_back(trim(text.substr(begin)));
  return parts;
}

bool take_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

OpArg parse_default(std::string_view text, const OpParam& param) {
  if (text == "none" && param.optional) return {};
  if (text == "true" || text == "false") return {text == "true", {}};
  if (text == "[]") return {OpArgs{}, {}};
  if (param.kind == OpParamKind::kString) return {std::string(text), {}};
  if (param.kind == OpParamKind::kDType) {
    const std::optional<DType> dtype = parse_dtype(text);
    LATHE_CHECK(dtype.has_value(), "no dtype ", text);
    return {*dtype, {}};
  }
  if (const auto integer = parse_number<int64_t>(text);
      integer && param.kind != OpParamKind::kFloat) {
    return {Dim(*integer), {}};
  }
  const auto number = parse_number<double>(text);
  LATHE_CHECK(number.has_value(), "the default of ", param.name, " is ", text);
  return {*number, {}};
}

struct KindName {
  std::string_view name;
  OpParamKind kind;
};
constexpr KindName kKindNames[] = {
    {"int", OpParamKind::kInt},       {"ints", OpParamKind::kInts},
    {"float", OpParamKind::kFloat},   {"bool", OpParamKind::kBool},
    {"string", OpParamKind::kString}, {"dtype", OpParamKind::kDType},
    {"numbers", OpParamKind::kNumbers},
};

void parse_type(std::string_view text, OpParam& param) {
  if (take_suffix(text, "?")) param.optional = true;
  param.type_text = std::string(text);
  if (const size_t bracket = text.find('[');
      bracket != std::string_view::npos) {
    param.kind = take_suffix(text, "...") ? OpParamKind::kTensors
                                          : OpParamKind::kTensor;
    param.dtype_class = std::string(text.substr(0, bracket));
    LATHE_CHECK(text.ends_with("]"), param.name, ": ", text);
    return;
  }
  for (const KindName& row : kKindNames) {
    if (row.name != text) continue;
    param.kind = row.kind;
    return;
  }
  LATHE_CHECK(text.find('|') != std::string_view::npos, param.name,
              " has the unknown type ", text);
  param.kind = OpParamKind::kString;
  param.choices = split(text, '|');
}

OpParam parse_param(std::string_view text) {
  const size_t colon = text.find(": ");
  LATHE_CHECK(colon != std::string_view::npos, "not a parameter: ", text);
  OpParam param;
  param.name = std::string(text.substr(0, colon));
  std::string_view type = text.substr(colon + 2);
  const size_t equals = type.find(" = ");
  parse_type(trim(type.substr(0, equals)), param);
  if (equals != std::string_view::npos) {
    param.default_value = parse_default(trim(type.substr(equals + 3)), param);
  } else if (param.optional) {
    param.default_value = OpArg{};
  }
  return param;
}

}  // namespace

std::string signature_text(const OpDef& op) {
  const size_t arrow = op.signature.rfind(" -> ");
  return cat({op.name, "(", op.signature.substr(0, arrow), ")",
              op.signature.substr(arrow)});
}

OpSignature parse_signature(std::string_view text) {
  const size_t arrow = text.rfind("->");
  LATHE_CHECK(arrow != std::string_view::npos, "no result in ", text);
  OpSignature signature;
  signature.result_text = std::string(trim(text.substr(arrow + 2)));
  for (std::string_view part : split_arguments(text.substr(0, arrow))) {
    signature.params.push_back(parse_param(part));
  }
  return signature;
}

}  // namespace lathe
