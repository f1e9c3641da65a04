#include "runtime/quantize/weight_format.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include "spec/check.h"
#include "spec/diagnostic.h"
#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

struct Family {
  std::string_view name;
  std::unique_ptr<WeightFormat> (*make)(const FormatRequest& request);
};

// The verb's help says what each of them takes.
constexpr Family kFamilies[] = {
    {"fp8", make_float8_format},
    {"gptq", make_gptq_format},
};

FormatRequest read_request(const std::string& text) {
  FormatRequest request{text, text.substr(0, text.find(':')), {}};
  const size_t length = request.name.size();
  for (char& c : request.name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (length == text.size()) return request;
  for (const std::string& part :
       split(std::string_view(text).substr(length + 1), ',')) {
    const size_t equals = part.find('=');
    request.settings.emplace_back(
        part.substr(0, equals),
        equals == std::string::npos ? "" : part.substr(equals + 1));
  }
  return request;
}

template <typename T, typename F>
void read_as(const Tensor& tensor, int64_t begin, int64_t count, float* out,
             F value) {
  const T* in = tensor.as<T>() + begin;
  for (int64_t i = 0; i < count; ++i) out[i] = value(in[i]);
}

}  // namespace

std::vector<std::string> weight_format_names() {
  std::vector<std::string> names;
  for (const Family& family : kFamilies) names.emplace_back(family.name);
  for (const DTypeInfo& row : all_dtypes()) {
    if (is_block(row.dtype)) names.emplace_back(row.name);
  }
  return names;
}

std::unique_ptr<WeightFormat> make_weight_format(const std::string& text) {
  const FormatRequest request = read_request(text);
  for (const Family& family : kFamilies) {
    if (family.name == request.name) return family.make(request);
  }
  if (auto blocks = make_block_format(request)) return blocks;
  const std::vector<std::string> names = weight_format_names();
  throw FormatError(cat({"the format is one of ", join(names, ", "), ", not ",
                         backquoted(request.name)}),
                    did_you_mean(request.name, names));
}

void refuse_setting(const FormatRequest& request, const std::string& setting,
                    const std::string& known) {
  throw FormatError(cat({"the format `", request.name, "` has no setting ",
                         backquoted(setting)}),
                    cat({"it has ", known}));
}

int64_t setting_number(const FormatRequest& request, const std::string& setting,
                       const std::string& value) {
  int64_t out = 0;
  const char* last = value.data() + value.size();
  const auto [end, error] = std::from_chars(value.data(), last, out);
  if (error == std::errc() && end == last && out > 0 && out <= INT32_MAX) {
    return out;
  }
  throw FormatError(cat({"`", setting, "` of the format `", request.name,
                         "` is a positive integer, not ", backquoted(value)}),
                    "");
}

std::string layer_of(const std::string& name) {
  return name.substr(0, name.rfind('.'));
}

void read_finite(const std::string& name, const Tensor& weight, int64_t begin,
                 int64_t count, float* out) {
  if (weight.dtype() == DType::kFloat32) {
    std::memcpy(out, weight.as<float>() + begin,
                static_cast<size_t>(count) * sizeof(float));
  } else if (weight.dtype() == DType::kBFloat16) {
    read_as<uint16_t>(weight, begin, count, out, bfloat16_value);
  } else if (weight.dtype() == DType::kFloat16) {
    read_as<uint16_t>(weight, begin, count, out, float16_value);
  } else {
    for (int64_t i = 0; i < count; ++i) {
      out[i] = static_cast<float>(weight.at(begin + i));
    }
  }
  for (int64_t i = 0; i < count; ++i) {
    if (std::isfinite(out[i])) continue;
    fail("L0530", {},
         cat({backquoted(name), " holds a value that is not finite at ",
              begin + i}),
         "`--except` leaves a weight as it is");
  }
}

}  // namespace lathe
