#include "runtime/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "runtime/json.h"
#include "runtime/safetensors_writer.h"
#include "spec/diagnostic.h"

namespace lathe {
namespace {

static_assert(std::endian::native == std::endian::little,
              "stored tensors are used as they are");

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kLongestHeader = 100'000'000;  // the format's own limit

// Types of the format that lathe has no storage for, with their bits. Others
// may come: their tensors are bytes of any length.
struct ForeignType {
  std::string_view code;
  uint64_t bits;
};
constexpr ForeignType kForeignTypes[] = {
    {"F4", 4},   {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F8_E8M0", 8},
    {"U16", 16}, {"U32", 32},    {"U64", 64},    {"C64", 64},
};

// Bits of one value of a type of the format, or nothing.
std::optional<uint64_t> bits_of(const std::string& code) {
  if (auto dtype = dtype_from_safetensors(code)) {
    return static_cast<uint64_t>(size_of(*dtype)) * 8;
  }
  for (const ForeignType& type : kForeignTypes) {
    if (type.code == code) return type.bits;
  }
  return std::nullopt;
}

// Reads rows of one file's header.
class SafetensorsHeaderReader {
 public:
  SafetensorsHeaderReader(const std::string& path, uint64_t data_begin,
                          uint64_t data_size)
      : path_(path), data_begin_(data_begin), data_size_(data_size) {}

  FileTensor tensor(const std::string& name, const JsonValue& row) {
    name_ = name;
    if (!row.is(JsonKind::kObject)) wrong("its entry is not an object");
    const JsonValue& code = field(row, "dtype", JsonKind::kString);
    const JsonValue& shape = field(row, "shape", JsonKind::kArray);
    const JsonValue& range = field(row, "data_offsets", JsonKind::kArray);
    if (range.items.size() != 2) wrong("`data_offsets` is not a pair");
    FileTensor out;
    out.name = name;
    out.type_code = code.text;
    out.dtype = dtype_from_safetensors(code.text);
    for (const JsonValue& dim : shape.items) out.shape.push_back(size(dim));
    const auto begin = static_cast<uint64_t>(size(range.items[0]));
    const auto end = static_cast<uint64_t>(size(range.items[1]));
    if (begin > end || end > data_size_) {
      wrong(cat({"bytes ", begin, " to ", end, " are not within the ",
                 data_size_, " bytes of data"}));
    }
    out.offset = data_begin_ + begin;
    out.bytes = end - begin;
    check_size(out);
    return out;
  }

  // Tensors cover the data without overlap and without holes, as the format
  // asks: a file that was cut or patched shows here.
  void check_cover(std::vector<FileTensor>& tensors) {
    std::sort(tensors.begin(), tensors.end(),
              [](const FileTensor& a, const FileTensor& b) {
                return std::pair(a.offset, a.bytes) <
                       std::pair(b.offset, b.bytes);
              });
    uint64_t end = data_begin_;
    for (const FileTensor& tensor : tensors) {
      name_ = tensor.name;
      if (tensor.offset < end) wrong("its bytes overlap another tensor's");
      if (tensor.offset > end) {
        wrong(cat({tensor.offset - end,
                   " bytes before it belong to no "
                   "tensor"}));
      }
      end = tensor.offset + tensor.bytes;
    }
    name_.clear();
    if (end != data_begin_ + data_size_) {
      wrong(cat({data_begin_ + data_size_ - end,
                 " bytes at the end belong to no tensor"}));
    }
  }

  [[noreturn]] void wrong(const std::string& what) const {
    const std::string of = name_.empty() ? "" : ": tensor " + backquoted(name_);
    fail("L0513", {}, cat({backquoted(path_), of, ": ", what}));
  }

 private:
  const JsonValue& field(const JsonValue& row, std::string_view key,
                         JsonKind kind) const {
    const JsonValue* value = row.find(key);
    if (value == nullptr) wrong(cat({"`", key, "` is missing"}));
    if (!value->is(kind)) {
      wrong(cat({"`", key, "` is ", kind_name(value->kind), ", not ",
                 kind_name(kind)}));
    }
    return *value;
  }

  int64_t size(const JsonValue& value) const {
    if (!value.is(JsonKind::kInt) || value.integer < 0) {
      wrong("a size or offset is not an integer of 0 or more");
    }
    return value.integer;
  }

  void check_size(const FileTensor& tensor) const {
    auto bits = bits_of(tensor.type_code);
    uint64_t total = bits.value_or(8);
    for (int64_t dim : tensor.shape) {
      if (__builtin_mul_overflow(total, static_cast<uint64_t>(dim), &total)) {
        wrong("its size is beyond 2^64 bits");
      }
    }
    // How long values of a type are that the format got since, only the
    // file's writer knows.
    if (!bits) return;
    if (total % 8 != 0 || total / 8 != tensor.bytes) {
      wrong(cat({"its type and shape take ", total / 8,
                 " bytes and the header gives it ", tensor.bytes}));
    }
  }

  const std::string& path_;
  uint64_t data_begin_;
  uint64_t data_size_;
  std::string name_;  // of the tensor being read
};

void read_metadata(const JsonValue& value,
                   const SafetensorsHeaderReader& reader,
                   SafetensorsHeader& header) {
  if (!value.is(JsonKind::kObject)) {
    reader.wrong("`__metadata__` is not an object");
  }
  for (const JsonMember& member : value.members) {
    if (!member.value.is(JsonKind::kString)) {
      reader.wrong("`__metadata__` holds something other than strings");
    }
    header.metadata.emplace_back(member.name, member.value.text);
  }
}

}  // namespace

SafetensorsHeader parse_safetensors(std::span<const std::byte> bytes,
                                    const std::string& path) {
  if (bytes.size() < kLengthBytes) {
    fail("L0513", {},
         cat({backquoted(path),
              ": too short for a safetensors "
              "file (",
              bytes.size(), " bytes)"}));
  }
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  const uint64_t room = bytes.size() - kLengthBytes;
  if (length > std::min(room, kLongestHeader)) {
    fail("L0513", {},
         cat({backquoted(path), ": its header claims ", length,
              " bytes; the file has ", room,
              room > kLongestHeader ? ", the format allows 100000000" : ""}),
         "not a safetensors file, or an incomplete download");
  }
  std::string_view text(
      reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, length);
  JsonValue tree = parse_json(text, cat({"header of ", backquoted(path)}));
  SafetensorsHeaderReader reader(path, kLengthBytes + length, room - length);
  if (!tree.is(JsonKind::kObject)) reader.wrong("its header is not an object");
  SafetensorsHeader out;
  for (const JsonMember& member : tree.members) {
    if (member.name == "__metadata__") {
      read_metadata(member.value, reader, out);
    } else {
      out.tensors.push_back(reader.tensor(member.name, member.value));
    }
  }
  reader.check_cover(out.tensors);
  std::sort(
      out.tensors.begin(), out.tensors.end(),
      [](const FileTensor& a, const FileTensor& b) { return a.name < b.name; });
  return out;
}

SafetensorsFile::SafetensorsFile(const std::string& path)
    : TensorFile(MappedFile::open(path)) {
  SafetensorsHeader header = parse_safetensors(file_->bytes(), path);
  tensors_ = std::move(header.tensors);
  metadata_ = std::move(header.metadata);
}

void write_safetensors(const std::string& path,
                       const std::vector<NamedTensor>& tensors) {
  std::vector<PlannedTensor> planned;
  for (const auto& [name, tensor] : tensors) {
    planned.push_back({name, tensor.dtype(), tensor.shape()});
  }
  SafetensorsWriter writer(path, std::move(planned));
  for (size_t i = 0; i < tensors.size(); ++i) writer.put(i, tensors[i].tensor);
  writer.commit();
}

}  // namespace lathe
