#include "runtime/gguf.h"

#include <doctest/doctest.h>

#include "runtime/checkpoint.h"
#include "tests/support/error_text.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

template <typename T>
std::string number(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}
std::string text(const std::string& value) {
  return number(uint64_t{value.size()}) + value;
}
std::string entry(const std::string& key, uint32_t type,
                  const std::string& value) {
  return text(key) + number(type) + value;
}
std::string row(const std::string& name, const std::vector<uint64_t>& sizes,
                uint32_t type, uint64_t offset) {
  std::string out = text(name) + number(static_cast<uint32_t>(sizes.size()));
  for (uint64_t size : sizes) out += number(size);
  return out + number(type) + number(offset);
}

constexpr uint32_t kUInt32 = 4, kBool = 7, kText = 8, kList = 9;
constexpr uint32_t kF32 = 0, kQ40 = 2, kIq4Nl = 20;

// A file of these entries and rows with `data` zero bytes.
std::string gguf_of(const std::vector<std::string>& entries,
                    const std::vector<std::string>& rows, size_t data,
                    uint32_t version = 3) {
  std::string out = "GGUF" + number(version) + number(uint64_t{rows.size()}) +
                    number(uint64_t{entries.size()});
  for (const std::string& part : entries) out += part;
  for (const std::string& part : rows) out += part;
  out.append((32 - out.size() % 32) % 32, '\0');
  return out + std::string(data, '\0');
}

// What reading says: the message, or one line a tensor and entry.
std::string gguf_text(const std::string& bytes) {
  std::string out;
  const std::string error = error_of([&] {
    const GgufHeader header =
        parse_gguf(std::as_bytes(std::span(bytes)), "a.gguf");
    for (const ConfigMember& member : header.metadata) {
      out += member.name + " = " + to_string(member.value) + "\n";
    }
    for (const FileTensor& tensor : header.tensors) {
      out += tensor.name + " " + tensor.type_code;
      for (int64_t size : tensor.shape) out += " " + std::to_string(size);
      out += "\n";
    }
  });
  return error == "no error" ? out : error;
}

std::string gguf_error(const std::string& what) {
  return "error[L0521]: `a.gguf`: " + what + "\n";
}

}  // namespace

TEST_CASE("gguf: metadata and rows are listed, sizes slowest first") {
  CHECK_EQ(
      gguf_text(gguf_of(
          {entry("general.architecture", kText, text("llama")),
           entry("llama.block_count", kUInt32, number(uint32_t{2})),
           entry("flag", kBool, number(uint8_t{1})),
           entry("names", kList,
                 number(kText) + number(uint64_t{2}) + text("a") + text("b"))},
          {row("w", {64, 2}, kQ40, 32), row("f", {3}, kF32, 0),
           row("q", {32}, kIq4Nl, 128)},
          160)),
      "general.architecture = \"llama\"\nllama.block_count = 2\n"
      "flag = true\nnames = [\"a\", \"b\"]\n"
      "f F32 3\nq IQ4_NL 32\nw Q4_0 2 64\n");
  CHECK_EQ(gguf_text(gguf_of({}, {}, 0, 2)), "");
}

TEST_CASE("gguf: what is no such file or another version") {
  CHECK_EQ(gguf_text("GGUF"), "error[L0521]: `a.gguf` is not a GGUF file\n");
  CHECK_EQ(gguf_text(gguf_of({}, {}, 0, 1)),
           gguf_error("it is of version 1, and versions 2 and 3 are read"));
  CHECK_EQ(gguf_text(gguf_of({}, {}, 0, 0x03000000)),
           gguf_error("it is big-endian"));
}

TEST_CASE("gguf: counts and lengths stay in the file") {
  std::string many = gguf_of({}, {}, 0);
  many.replace(8, 8, number(~uint64_t{0}));
  CHECK_EQ(gguf_text(many),
           gguf_error("it claims 18446744073709551615 items, and the file has "
                      "16 bytes more"));
  CHECK_EQ(gguf_text(gguf_of({number(~uint64_t{0})}, {}, 0)),
           gguf_error("it claims 1 items, and the file has 8 bytes more"));
  CHECK_EQ(gguf_text(gguf_of({number(uint64_t{1000}) + "long name"}, {}, 0)),
           gguf_error("1000 bytes are wanted at byte 32, and the file has 32 "
                      "more"));
  CHECK_EQ(
      gguf_text(gguf_of(
          {entry("l", kList, number(kText) + number(uint64_t{100}))}, {}, 0)),
      gguf_error("metadata `l`: it claims 100 items, and the file has 15 "
                 "bytes more"));
}

TEST_CASE("gguf: values of metadata are what their types say") {
  CHECK_EQ(gguf_text(gguf_of({entry("k", 99, number(uint64_t{0}))}, {}, 0)),
           gguf_error("metadata `k`: its type 99 is unknown"));
  CHECK_EQ(gguf_text(gguf_of({entry("k", kBool, number(uint8_t{2}))}, {}, 0)),
           gguf_error("metadata `k`: a bool is 2, not 0 or 1"));
  const std::string one = entry("k", kUInt32, number(uint32_t{2}));
  CHECK_EQ(gguf_text(gguf_of({one, one}, {}, 0)),
           gguf_error("metadata `k`: it stands there twice"));
  CHECK_EQ(
      gguf_text(gguf_of(
          {entry("general.alignment", kUInt32, number(uint32_t{24}))}, {}, 0)),
      gguf_error("`general.alignment` is 24, not a power of two"));
  std::string deep;
  for (int i = 0; i < 6; ++i) deep += number(kList) + number(uint64_t{1});
  CHECK_EQ(gguf_text(gguf_of({entry("k", kList, deep)}, {}, 64)),
           gguf_error("metadata `k`: it is a list of lists beyond all use"));
}

TEST_CASE("gguf: tensors lie in the file, aligned, apart and whole") {
  const auto error_of_rows = [](const std::vector<std::string>& rows) {
    return gguf_text(gguf_of({}, rows, 64));
  };
  CHECK_EQ(error_of_rows({row("a", {17}, kF32, 0)}),
           gguf_error("tensor `a`: its 68 bytes at 0 are not within the 64 "
                      "bytes of data"));
  CHECK_EQ(error_of_rows({row("a", {1}, kF32, 4)}),
           gguf_error("tensor `a`: its offset 4 is no multiple of the "
                      "alignment 32"));
  CHECK_EQ(error_of_rows({row("a", {9}, kF32, 0), row("b", {1}, kF32, 32)}),
           gguf_error("tensor `b`: its bytes overlap another tensor's"));
  CHECK_EQ(error_of_rows({row("a", {1}, kF32, 0), row("a", {1}, kF32, 32)}),
           gguf_error("tensor `a`: it stands there twice"));
  CHECK_EQ(error_of_rows({row("a", {31}, kQ40, 0)}),
           gguf_error("tensor `a`: its rows of 31 values are no whole blocks "
                      "of Q4_0"));
  CHECK_EQ(error_of_rows({row("a", {1}, 77, 0)}),
           gguf_error("tensor `a`: its type 77 is unknown"));
  CHECK_EQ(error_of_rows({row("a", {1, 1, 1, 1, 1}, kF32, 0)}),
           gguf_error("tensor `a`: it has 5 axes"));
  CHECK_EQ(error_of_rows({row("a", {~uint64_t{0}}, kF32, 0)}),
           gguf_error("tensor `a`: a size is beyond 2^63"));
  const uint64_t half = uint64_t{1} << 62;
  CHECK_EQ(error_of_rows({row("a", {half, half}, kF32, 0)}),
           gguf_error("tensor `a`: its size is beyond 2^64 bytes"));
}

TEST_CASE("gguf: keys with dots are ways through maps") {
  const auto whole = [](int64_t value) {
    ConfigValue out;
    out.value = value;
    return out;
  };
  const ConfigValue config = config_of(
      {{"a.b.c", whole(1)}, {"a.b.d", whole(2)}, {"a.b.c.e", whole(3)}});
  CHECK_EQ(to_string(config),
           "{\"a\": {\"b\": {\"c\": 1, \"d\": 2, \"c.e\": 3}}}");
  CHECK_EQ(to_string(*find_config(config, "a.b.c.e")), "3");
}

TEST_CASE("gguf: a split model is read from its first file") {
  TempFolder folder;
  const auto part = [](uint32_t number_of, const std::string& name) {
    return gguf_of({entry("split.count", kUInt32, number(uint32_t{2})),
                    entry("split.no", kUInt32, number(number_of))},
                   {row(name, {2}, kF32, 0)}, 8);
  };
  folder.write("m-00001-of-00002.gguf", part(0, "a"));
  folder.write("m-00002-of-00002.gguf", part(1, "b"));
  folder.write("n-00001-of-00002.gguf", part(0, "a"));
  folder.write("n-00002-of-00002.gguf", part(0, "b"));
  const auto checkpoint =
      Checkpoint::open(folder.file("m-00001-of-00002.gguf"));
  CHECK_EQ(checkpoint->entries().size(), 2);
  CHECK_EQ(to_string(*find_config(*checkpoint->config(), "tensors.b.0")), "2");
  const auto refusal = [&](const std::string& name) {
    const std::string error =
        error_of([&] { Checkpoint::open(folder.file(name)); });
    return error.substr(error.find("is not"));
  };
  CHECK_EQ(refusal("m-00002-of-00002.gguf"),
           "is not a checkpoint: it is a part of a model split into 2 files\n"
           "   = help: name the first, which ends in `-00001-of-00002.gguf`\n");
  CHECK_EQ(refusal("n-00001-of-00002.gguf"),
           "is not a checkpoint: it does not say that it is file 2 of 2\n");
}

}  // namespace lathe
