#include "runtime/gguf_reader.h"

#include <limits>

#include "runtime/gguf_format.h"
#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Lists of lists are allowed; files have at most two levels.
constexpr int kDeepestList = 4;

// Values take more memory than their bytes in the file: a file may not make
// us take all of it. Vocabularies have a few hundred thousand.
constexpr uint64_t kMostItems = uint64_t{1} << 23;

// The fewest bytes that a value takes, by GgufValue.
constexpr uint64_t kLeastBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};

ConfigValue whole(int64_t value) {
  ConfigValue out;
  out.value = value;
  return out;
}

}  // namespace

void GgufReader::wrong(const std::string& what) const {
  fail("L0521", {},
       cat({backquoted(path_), subject_.empty() ? "" : ": ", subject_, ": ",
            what}));
}

void GgufReader::require(uint64_t bytes) const {
  if (bytes <= left()) return;
  wrong(cat({bytes, " bytes are wanted at byte ", position_, ", and the file "
             "has ", left(), " more"}));
}

std::string GgufReader::text() {
  const uint64_t length = number<uint64_t>();
  require(length);
  std::string out(reinterpret_cast<const char*>(bytes_.data()) + position_,
                  length);
  position_ += length;
  return out;
}

uint64_t GgufReader::count(uint64_t least) {
  const uint64_t count = number<uint64_t>();
  if (count <= left() / least) return count;
  wrong(cat({"it claims ", count, " items, and the file has ", left(),
             " bytes more"}));
}

void GgufReader::take_items(uint64_t count) {
  items_ += count;
  if (items_ <= kMostItems) return;
  wrong(cat({"the lists of the file have more than ", kMostItems, " items"}));
}

ConfigValue GgufReader::value() { return value_of(number<uint32_t>(), 0); }

ConfigValue GgufReader::value_of(uint32_t type, int depth) {
  using enum GgufValue;
  ConfigValue out;
  switch (static_cast<GgufValue>(type)) {
    case kUInt8:
      return whole(number<uint8_t>());
    case kInt8:
      return whole(number<int8_t>());
    case kUInt16:
      return whole(number<uint16_t>());
    case kInt16:
      return whole(number<int16_t>());
    case kUInt32:
      return whole(number<uint32_t>());
    case kInt32:
      return whole(number<int32_t>());
    case kInt64:
      return whole(number<int64_t>());
    case kUInt64: {
      const uint64_t value = number<uint64_t>();
      const bool fits = value <= uint64_t{std::numeric_limits<int64_t>::max()};
      if (fits) return whole(static_cast<int64_t>(value));
      out.value = static_cast<double>(value);
      return out;
    }
    case kFloat32:
      out.value = static_cast<double>(number<float>());
      return out;
    case kFloat64:
      out.value = number<double>();
      return out;
    case kBool: {
      const uint8_t value = number<uint8_t>();
      if (value > 1) wrong(cat({"a bool is ", int{value}, ", not 0 or 1"}));
      out.value = value == 1;
      return out;
    }
    case kText:
      out.value = text();
      return out;
    case kList:
      return list(depth + 1);
    default:
      wrong(cat({"its type ", type, " is unknown"}));
  }
}

ConfigValue GgufReader::list(int depth) {
  if (depth > kDeepestList) wrong("it is a list of lists beyond all use");
  const uint32_t type = number<uint32_t>();
  if (type >= std::size(kLeastBytes))
    wrong(cat({"its type ", type, " is unknown"}));
  const uint64_t items = count(kLeastBytes[type]);
  take_items(items);
  ConfigList values;
  values.reserve(items);
  for (uint64_t i = 0; i < items; ++i) values.push_back(value_of(type, depth));
  ConfigValue out;
  out.value = std::move(values);
  return out;
}

}  // namespace lathe
