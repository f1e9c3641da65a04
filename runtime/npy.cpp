#include "runtime/npy.h"

#include <cstring>
#include <optional>
#include <string_view>

#include "runtime/atomic_file.h"
#include "runtime/mapped_file.h"
#include "spec/diagnostic.h"
#include "spec/dim.h"

namespace lathe {
namespace {

constexpr std::string_view kNpyMagic = "\x93NUMPY";
constexpr size_t kLongestNpyHeader = 64 << 10;
constexpr size_t kMostDims = 32;  // NumPy's own limit, as the files have it

// How a stored type is used: its code, our type, the stored element's bytes.
struct NpyType {
  std::string_view code;
  DType dtype;
  int stored_bytes;
};
constexpr NpyType kNpyTypes[] = {
    {"b1", DType::kBool, 1},    {"i1", DType::kInt8, 1},
    {"u1", DType::kUInt8, 1},   {"i2", DType::kInt16, 2},
    {"u2", DType::kInt32, 2},   {"i4", DType::kInt32, 4},
    {"u4", DType::kInt64, 4},   {"i8", DType::kInt64, 8},
    {"f2", DType::kFloat16, 2}, {"f4", DType::kFloat32, 4},
    {"f8", DType::kFloat64, 8},
};

[[noreturn]] void wrong(const std::string& path, const std::string& what,
                        const std::string& help = "") {
  fail("L0515", {}, cat({backquoted(path), ": ", what}), help);
}

// Reads the header's text, a Python dictionary of three entries:
// {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class NpyHeaderReader {
 public:
  NpyHeaderReader(std::string_view text, const std::string& path)
      : text_(text), path_(path) {}

  NpyHeader read() {
    expect('{');
    while (!accept('}')) {
      const std::string_view key = string();
      expect(':');
      entry(key);
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (seen_ != 7) bad("it lacks descr, fortran_order or shape");
    return std::move(out_);
  }

 private:
  void entry(std::string_view key) {
    int bit = 0;
    if (key == "descr") {
      bit = 1;
      set_type();
    } else if (key == "fortran_order") {
      bit = 2;
      out_.fortran_order = boolean();
    } else if (key == "shape") {
      bit = 4;
      out_.shape = tuple();
    } else {
      bad(cat({"unknown key ", backquoted(key)}));
    }
    if (seen_ & bit) bad(cat({"duplicate key ", backquoted(key)}));
    seen_ |= bit;
  }

  void set_type() {
    if (peek() == '[') {
      wrong(path_, "it holds a structured array",
            "store each field as an array of its own");
    }
    std::string_view descr = string();
    const char order = descr.empty() ? ' ' : descr[0];
    std::string_view code = descr.substr(std::min<size_t>(1, descr.size()));
    for (const NpyType& type : kNpyTypes) {
      if (type.code != code) continue;
      if (order == '>') {
        wrong(path_, "it is big-endian",
              "`a.astype(a.dtype.newbyteorder('<'))`");
      }
      if (order != '<' && order != '|' && order != '=') break;
      out_.dtype = type.dtype;
      out_.stored_bytes = type.stored_bytes;
      return;
    }
    wrong(path_,
          cat({"its type ", backquoted(descr), " is not a plain number"}),
          "bool, int8 to int64, uint8 to uint32, and float16 to float64 can "
          "be read; safetensors also has bfloat16 and float8");
  }

  std::vector<int64_t> tuple() {
    std::vector<int64_t> out;
    expect('(');
    while (!accept(')')) {
      if (out.size() == kMostDims) bad("it has more than 32 dims");
      out.push_back(integer());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return out;
  }

  int64_t integer() {
    int64_t value = 0;
    int digits = 0;
    for (; peek() >= '0' && peek() <= '9'; ++at_, ++digits) {
      if (digits == 18) bad("a dim is beyond 10^18");
      value = value * 10 + (text_[at_] - '0');
    }
    if (digits == 0) bad("a dim is not a number");
    return value;
  }

  bool boolean() {
    for (std::string_view word : {"True", "False"}) {
      skip_space();
      if (text_.substr(at_, word.size()) != word) continue;
      at_ += word.size();
      return word == "True";
    }
    bad("fortran_order is neither True nor False");
  }

  std::string_view string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') bad("a string was expected");
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) bad("a string does not end");
    std::string_view out = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return out;
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) {
      ++at_;
    }
  }
  // The next character that is no space; 0 at the end.
  char peek() {
    skip_space();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) bad(cat({"`", c, "` was expected"}));
  }
  [[noreturn]] void bad(const std::string& what) const {
    wrong(path_, cat({"bad header at byte ", at_, ": ", what}));
  }

  std::string_view text_;
  const std::string& path_;
  size_t at_ = 0;
  int seen_ = 0;
  NpyHeader out_;
};

// The header's text and where the data begins.
std::string_view header_text(std::string_view file, const std::string& path,
                             size_t& data_offset) {
  if (file.substr(0, kNpyMagic.size()) != kNpyMagic)
    wrong(path, "not an npy file");
  if (file.size() < kNpyMagic.size() + 4) wrong(path, "it ends in its header");
  const int version = static_cast<unsigned char>(file[kNpyMagic.size()]);
  if (version < 1 || version > 3) {
    wrong(path, cat({"version ", version, " of the format is unknown"}));
  }
  const size_t length_bytes = version == 1 ? 2 : 4;
  const size_t begin = kNpyMagic.size() + 2 + length_bytes;
  if (file.size() < begin) wrong(path, "it ends in its header");
  size_t length = 0;
  for (size_t i = 0; i < length_bytes; ++i) {
    length |= static_cast<size_t>(
                  static_cast<unsigned char>(file[kNpyMagic.size() + 2 + i]))
              << (8 * i);
  }
  if (length > kLongestNpyHeader) wrong(path, "its header is beyond 64 KiB");
  if (file.size() - begin < length) wrong(path, "it ends in its header");
  data_offset = begin + length;
  return file.substr(begin, length);
}

// Widens uint16 and uint32, which have no dtype of their own.
void copy_element(const NpyHeader& header, const std::byte* from,
                  std::byte* to) {
  if (header.stored_bytes == size_of(header.dtype)) {
    std::memcpy(to, from, static_cast<size_t>(header.stored_bytes));
    return;
  }
  int64_t value = 0;
  std::memcpy(&value, from, static_cast<size_t>(header.stored_bytes));
  store_int(header.dtype, to, value);
}

// Steps through the elements in C order; keeps the place in the file.
Tensor copy_array(const NpyHeader& header, const std::byte* data) {
  Tensor out(header.dtype, header.shape);
  const size_t rank = header.shape.size();
  std::vector<int64_t> stride(rank, header.stored_bytes);
  if (header.fortran_order) {
    for (size_t i = 1; i < rank; ++i) {
      stride[i] = stride[i - 1] * header.shape[i - 1];
    }
  } else {
    for (size_t i = rank; i-- > 1;) stride[i - 1] = stride[i] * header.shape[i];
  }
  std::vector<int64_t> index(rank, 0);
  int64_t from = 0;
  for (int64_t i = 0; i < out.numel(); ++i) {
    copy_element(header, data + from,
                 out.mutable_data() + i * size_of(header.dtype));
    for (size_t axis = rank; axis-- > 0;) {
      from += stride[axis];
      if (++index[axis] < header.shape[axis]) break;
      from -= stride[axis] * header.shape[axis];
      index[axis] = 0;
    }
  }
  return out;
}

std::string_view code_of(DType dtype) {
  // Later rows are the widened ones; the first fit stores all bits.
  for (const NpyType& type : kNpyTypes) {
    if (type.dtype == dtype && type.stored_bytes == size_of(dtype)) {
      return type.code;
    }
  }
  return {};
}

}  // namespace

NpyHeader parse_npy(std::span<const std::byte> bytes, const std::string& path) {
  std::string_view file(reinterpret_cast<const char*>(bytes.data()),
                        bytes.size());
  size_t data_offset = 0;
  std::string_view text = header_text(file, path, data_offset);
  NpyHeader out = NpyHeaderReader(text, path).read();
  out.data_offset = data_offset;
  int64_t size = out.stored_bytes;
  bool empty = false;
  for (int64_t dim : out.shape) {
    empty |= dim == 0;
    if (__builtin_mul_overflow(size, dim, &size)) size = INT64_MAX;
  }
  if (empty) size = 0;
  const auto present = static_cast<int64_t>(bytes.size() - data_offset);
  if (size > present) {
    wrong(path, cat({"its header asks for ", size, " bytes of data and ",
                     present, " are there"}));
  }
  return out;
}

Tensor tensor_from_npy(std::span<const std::byte> bytes,
                       const std::string& path) {
  NpyHeader header = parse_npy(bytes, path);
  return copy_array(header, bytes.data() + header.data_offset);
}

Tensor read_npy(const std::string& path) {
  std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  NpyHeader header = parse_npy(file->bytes(), path);
  const std::byte* data = file->bytes().data() + header.data_offset;
  const bool as_it_is =
      header.stored_bytes == size_of(header.dtype) &&
      (!header.fortran_order || header.shape.size() < 2) &&
      reinterpret_cast<uintptr_t>(data) % size_of(header.dtype) == 0;
  if (!as_it_is) return copy_array(header, data);
  // The view is never written to: Tensor has one kind of pointer only.
  return Tensor(header.dtype, header.shape, const_cast<std::byte*>(data), file);
}

bool npy_has(DType dtype) { return !code_of(dtype).empty(); }

void write_npy(const std::string& path, const Tensor& tensor) {
  if (!npy_has(tensor.dtype())) {
    write_npy(path, convert(tensor, DType::kFloat32));
    return;
  }
  std::string shape;
  for (int64_t dim : tensor.shape()) {
    shape += cat({shape.empty() ? "" : ", ", dim});
  }
  if (tensor.rank() == 1) shape += ",";
  const char order = size_of(tensor.dtype()) == 1 ? '|' : '<';
  std::string text =
      cat({"{'descr': '", order, code_of(tensor.dtype()),
           "', 'fortran_order': False, 'shape': (", shape, "), }"});
  // The data begins at a multiple of 64; the text ends in a line end.
  const size_t prefix = kNpyMagic.size() + 4;
  const size_t total = (prefix + text.size() + 1 + 63) / 64 * 64;
  text.resize(total - prefix - 1, ' ');
  text += '\n';
  std::string head(kNpyMagic);
  head += {'\x01', '\x00', static_cast<char>(text.size() & 255),
           static_cast<char>(text.size() >> 8)};
  AtomicFile file(path);
  file.write(head + text);
  file.write({tensor.data(), static_cast<size_t>(tensor.bytes())});
  file.commit();
}

}  // namespace lathe
