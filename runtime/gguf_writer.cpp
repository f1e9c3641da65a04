#include "runtime/gguf_writer.h"

#include <utility>

#include "runtime/gguf.h"
#include "runtime/gguf_format.h"
#include "spec/check.h"

namespace lathe {
namespace {

constexpr uint32_t kVersion = 3;

uint32_t number_of(DType dtype) {
  const std::optional<uint32_t> number = gguf_type_number(dtype);
  LATHE_CHECK(number.has_value(), "GGUF has no ", to_string(dtype));
  return *number;
}

// Bytes of a header in the making.
class HeaderText {
 public:
  template <typename T>
  void number(T value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void text(const std::string& value) {
    number(uint64_t{value.size()});
    text_ += value;
  }
  void value(const ConfigValue& config) {
    number(type_of(config));
    put(config);
  }
  std::string& bytes() { return text_; }

 private:
  static GgufValue type_of(const ConfigValue& config) {
    using enum GgufValue;
    if (std::holds_alternative<bool>(config.value)) return kBool;
    if (std::holds_alternative<double>(config.value)) return kFloat32;
    if (std::holds_alternative<std::string>(config.value)) return kText;
    if (std::holds_alternative<ConfigList>(config.value)) return kList;
    const int64_t* integer = std::get_if<int64_t>(&config.value);
    LATHE_CHECK(integer != nullptr, "no metadata: ", to_string(config));
    if (*integer >= 0 && *integer <= UINT32_MAX) return kUInt32;
    return *integer >= INT32_MIN && *integer < 0 ? kInt32 : kInt64;
  }

  void put(const ConfigValue& config) {
    if (const bool* flag = std::get_if<bool>(&config.value)) {
      number(uint8_t{*flag});
    } else if (const double* real = std::get_if<double>(&config.value)) {
      number(static_cast<float>(*real));
    } else if (const auto* words = std::get_if<std::string>(&config.value)) {
      text(*words);
    } else if (const auto* list = std::get_if<ConfigList>(&config.value)) {
      put_list(*list);
    } else if (type_of(config) == GgufValue::kInt64) {
      number(std::get<int64_t>(config.value));
    } else {
      number(static_cast<uint32_t>(std::get<int64_t>(config.value)));
    }
  }

  void put_list(const ConfigList& list) {
    const GgufValue type = list.empty() ? GgufValue::kText : type_of(list[0]);
    number(type);
    number(uint64_t{list.size()});
    for (const ConfigValue& item : list) {
      LATHE_CHECK(type_of(item) == type, "a list of several types");
      put(item);
    }
  }

  std::string text_;
};

uint64_t aligned(uint64_t offset) {
  return (offset + kGgufAlignment - 1) / kGgufAlignment * kGgufAlignment;
}

}  // namespace

GgufWriter::GgufWriter(const std::string& path,
                       std::vector<PlannedTensor> tensors,
                       const ConfigMap& metadata)
    : file_(path, std::move(tensors)) {
  HeaderText header;
  header.bytes() = "GGUF";
  header.number(kVersion);
  header.number(uint64_t{file_.size()});
  header.number(uint64_t{metadata.size()});
  for (const ConfigMember& entry : metadata) {
    header.text(entry.name);
    header.value(entry.value);
  }
  uint64_t offset = 0;
  for (size_t i = 0; i < file_.size(); ++i) {
    const PlannedTensor& tensor = file_[i];
    header.text(tensor.name);
    header.number(static_cast<uint32_t>(tensor.shape.size()));
    for (size_t k = tensor.shape.size(); k-- > 0;) {
      header.number(static_cast<uint64_t>(tensor.shape[k]));
    }
    header.number(number_of(tensor.dtype));
    header.number(offset);
    const uint64_t end = offset + static_cast<uint64_t>(tensor.bytes());
    file_.place(i, offset, aligned(end) - end);
    offset = aligned(end);
  }
  header.bytes().resize(aligned(header.bytes().size()));
  file_.write_header(header.bytes());
}

}  // namespace lathe
