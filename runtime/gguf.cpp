#include "runtime/gguf.h"

#include <algorithm>
#include <bit>
#include <unordered_set>

#include "runtime/gguf_format.h"
#include "runtime/gguf_reader.h"
#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {
namespace {

constexpr uint32_t kGgufMagic = 0x46554747;  // "GGUF"
constexpr uint64_t kMostAxes = 4;
constexpr uint64_t kMostEntries = 10'000;  // files have less than a hundred
constexpr int kDeepestKey = 8;             // "a.b.c" has two maps around c
constexpr size_t kLongestList = 8;  // in notes
constexpr char kAlignmentKey[] = "general.alignment";

// The least bytes of a row of metadata (key, type, value) and of a tensor's.
constexpr uint64_t kLeastEntry = 8 + 4 + 1;
constexpr uint64_t kLeastRow = 8 + 4 + 4 + 8;

// Types of tensors as numbered in the file, with their blocks. Those whose
// name is no dtype cannot be decoded.
struct GgufType {
  uint32_t number;
  std::string_view name;
  uint64_t values;
  uint64_t bytes;
};
constexpr GgufType kGgufTypes[] = {
    {0, "F32", 1, 4},         {1, "F16", 1, 2},
    {2, "Q4_0", 32, 18},      {3, "Q4_1", 32, 20},
    {6, "Q5_0", 32, 22},      {7, "Q5_1", 32, 24},
    {8, "Q8_0", 32, 34},      {9, "Q8_1", 32, 40},
    {10, "Q2_K", 256, 84},    {11, "Q3_K", 256, 110},
    {12, "Q4_K", 256, 144},   {13, "Q5_K", 256, 176},
    {14, "Q6_K", 256, 210},   {15, "Q8_K", 256, 292},
    {16, "IQ2_XXS", 256, 66}, {17, "IQ2_XS", 256, 74},
    {18, "IQ3_XXS", 256, 98}, {19, "IQ1_S", 256, 50},
    {20, "IQ4_NL", 32, 18},   {21, "IQ3_S", 256, 110},
    {22, "IQ2_S", 256, 82},   {23, "IQ4_XS", 256, 136},
    {24, "I8", 1, 1},         {25, "I16", 1, 2},
    {26, "I32", 1, 4},        {27, "I64", 1, 8},
    {28, "F64", 1, 8},        {29, "IQ1_M", 256, 56},
    {30, "BF16", 1, 2},       {34, "TQ1_0", 256, 54},
    {35, "TQ2_0", 256, 66},   {39, "MXFP4", 32, 17},
};

const GgufType* type_numbered(uint32_t number) {
  for (const GgufType& type : kGgufTypes) {
    if (type.number == number) return &type;
  }
  return nullptr;
}

// The product of a tensor's sizes, blocks taken as their bytes.
uint64_t bytes_of_row(const GgufType& type, const std::vector<int64_t>& shape,
                      const GgufReader& reader) {
  const uint64_t row = shape.empty() ? 1 : uint64_t(shape.back());
  if (row % type.values != 0) {
    reader.wrong(cat({"its rows of ", row, " values are no whole blocks of ",
                      type.name}));
  }
  uint64_t total = row / type.values;
  bool fits = !__builtin_mul_overflow(total, type.bytes, &total);
  for (size_t i = 0; i + 1 < shape.size(); ++i) {
    fits = fits &&
           !__builtin_mul_overflow(total, uint64_t(shape[i]), &total);
  }
  if (!fits) reader.wrong("its size is beyond 2^64 bytes");
  return total;
}

FileTensor read_row(GgufReader& reader) {
  reader.at("");
  FileTensor out;
  out.name = reader.text();
  reader.at("tensor " + backquoted(out.name));
  const uint32_t axes = reader.number<uint32_t>();
  if (axes > kMostAxes) reader.wrong(cat({"it has ", axes, " axes"}));
  for (uint32_t i = 0; i < axes; ++i) {
    const uint64_t size = reader.number<uint64_t>();
    if (size > uint64_t{INT64_MAX}) reader.wrong("a size is beyond 2^63");
    out.shape.push_back(static_cast<int64_t>(size));
  }
  std::reverse(out.shape.begin(), out.shape.end());
  const uint32_t number = reader.number<uint32_t>();
  const GgufType* type = type_numbered(number);
  if (type == nullptr) {
    reader.wrong(cat({"its type ", number, " is unknown"}));
  }
  out.type_code = std::string(type->name);
  out.dtype = parse_dtype(lower_case(type->name));
  out.bytes = bytes_of_row(*type, out.shape, reader);
  out.offset = reader.number<uint64_t>();
  return out;
}

ConfigMap read_metadata(GgufReader& reader, uint64_t count) {
  if (count > kMostEntries) {
    reader.wrong(cat({"it claims ", count, " entries of metadata"}));
  }
  ConfigMap out;
  std::unordered_set<std::string> known;
  for (uint64_t i = 0; i < count; ++i) {
    reader.at("");
    std::string key = reader.text();
    reader.at("metadata " + backquoted(key));
    if (!known.insert(key).second) reader.wrong("it stands there twice");
    ConfigValue value = reader.value();
    out.push_back({std::move(key), std::move(value)});
  }
  reader.at("");
  return out;
}

uint64_t alignment_of(const ConfigMap& metadata, const GgufReader& reader) {
  for (const ConfigMember& entry : metadata) {
    if (entry.name != kAlignmentKey) continue;
    const auto* value = std::get_if<int64_t>(&entry.value.value);
    const bool good = value != nullptr && *value > 0 && *value <= UINT32_MAX &&
                      std::has_single_bit(uint64_t(*value));
    if (!good) {
      reader.wrong(cat({"`", kAlignmentKey, "` is ", to_string(entry.value),
                        ", not a power of two"}));
    }
    return uint64_t(*value);
  }
  return kGgufAlignment;
}

// Offsets count from the end of the header; afterwards from the file's begin.
void place(std::vector<FileTensor>& tensors, uint64_t begin, uint64_t size,
           uint64_t alignment, GgufReader& reader) {
  const uint64_t room = size > begin ? size - begin : 0;
  for (FileTensor& tensor : tensors) {
    reader.at("tensor " + backquoted(tensor.name));
    if (tensor.offset % alignment != 0) {
      reader.wrong(cat({"its offset ", tensor.offset,
                        " is no multiple of the alignment ", alignment}));
    }
    if (tensor.offset > room || tensor.bytes > room - tensor.offset) {
      reader.wrong(cat({"its ", tensor.bytes, " bytes at ", tensor.offset,
                        " are not within the ", room, " bytes of data"}));
    }
    tensor.offset += begin;
  }
  std::sort(tensors.begin(), tensors.end(),
            [](const FileTensor& a, const FileTensor& b) {
              return std::pair(a.offset, a.bytes) <
                     std::pair(b.offset, b.bytes);
            });
  uint64_t end = begin;
  for (const FileTensor& tensor : tensors) {
    reader.at("tensor " + backquoted(tensor.name));
    if (tensor.offset < end) reader.wrong("its bytes overlap another tensor's");
    end = tensor.offset + tensor.bytes;
  }
}

void sort_by_name(std::vector<FileTensor>& tensors, GgufReader& reader) {
  std::sort(
      tensors.begin(), tensors.end(),
      [](const FileTensor& a, const FileTensor& b) { return a.name < b.name; });
  for (size_t i = 1; i < tensors.size(); ++i) {
    if (tensors[i].name != tensors[i - 1].name) continue;
    reader.at("tensor " + backquoted(tensors[i].name));
    reader.wrong("it stands there twice");
  }
}

// Long lists, such as a vocabulary, by their beginning.
std::string note_text(const ConfigValue& value) {
  const auto* list = std::get_if<ConfigList>(&value.value);
  if (list == nullptr || list->size() <= kLongestList) return to_string(value);
  ConfigValue begin;
  begin.value = ConfigList(list->begin(), list->begin() + kLongestList);
  std::string text = to_string(begin);
  return cat({list->size(), " items: ", text});
}

// The map below `map` at `key`, made where it is missing; null where the key
// holds something else.
ConfigMap* map_below(ConfigMap& map, std::string_view key) {
  for (ConfigMember& member : map) {
    if (member.name == key) return std::get_if<ConfigMap>(&member.value.value);
  }
  ConfigMember made{std::string(key), {}};
  made.value.value = ConfigMap();
  map.push_back(std::move(made));
  return std::get_if<ConfigMap>(&map.back().value.value);
}

}  // namespace

std::optional<uint32_t> gguf_type_number(DType dtype) {
  for (const GgufType& type : kGgufTypes) {
    if (parse_dtype(lower_case(type.name)) == dtype) return type.number;
  }
  return std::nullopt;
}

GgufHeader parse_gguf(std::span<const std::byte> bytes,
                      const std::string& path) {
  GgufReader reader(bytes, path);
  if (bytes.size() < 24 || reader.number<uint32_t>() != kGgufMagic) {
    fail("L0521", {}, cat({backquoted(path), " is not a GGUF file"}));
  }
  const uint32_t version = reader.number<uint32_t>();
  if (version != 2 && version != 3) {
    const bool turned = __builtin_bswap32(version) == 3;
    reader.wrong(turned ? "it is big-endian"
                        : cat({"it is of version ", version,
                               ", and versions 2 and 3 are read"}));
  }
  const uint64_t tensors = reader.count(kLeastRow);
  const uint64_t entries = reader.count(kLeastEntry);
  GgufHeader out;
  out.metadata = read_metadata(reader, entries);
  const uint64_t alignment = alignment_of(out.metadata, reader);
  for (uint64_t i = 0; i < tensors; ++i) {
    out.tensors.push_back(read_row(reader));
  }
  const uint64_t end = reader.position();
  const uint64_t begin = (end + alignment - 1) / alignment * alignment;
  place(out.tensors, begin, bytes.size(), alignment, reader);
  sort_by_name(out.tensors, reader);
  return out;
}

GgufFile::GgufFile(const std::string& path)
    : TensorFile(MappedFile::open(path)) {
  GgufHeader header = parse_gguf(file_->bytes(), path);
  tensors_ = std::move(header.tensors);
  metadata_ = std::move(header.metadata);
}

std::vector<std::pair<std::string, std::string>> GgufFile::notes() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const ConfigMember& entry : metadata_) {
    out.emplace_back(entry.name, note_text(entry.value));
  }
  return out;
}

ConfigValue config_of(const ConfigMap& metadata) {
  ConfigMap root;
  for (const ConfigMember& entry : metadata) {
    ConfigMap* map = &root;
    std::string_view rest = entry.name;
    for (int depth = 0; depth < kDeepestKey; ++depth) {
      const size_t dot = rest.find('.');
      if (dot == std::string_view::npos) break;
      ConfigMap* below = map_below(*map, rest.substr(0, dot));
      if (below == nullptr) break;  // a key that is another one's beginning
      map = below;
      rest.remove_prefix(dot + 1);
    }
    map->push_back({std::string(rest), entry.value});
  }
  ConfigValue out;
  out.value = std::move(root);
  return out;
}

}  // namespace lathe
