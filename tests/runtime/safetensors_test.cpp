#include "runtime/safetensors.h"

#include <doctest/doctest.h>

#include <cstring>

#include "tests/support/error_text.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

// A file with this header and `data` zero bytes.
std::string safetensors_of(const std::string& header, size_t data) {
  const uint64_t length = header.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  return out + header + std::string(data, '\0');
}

std::string row(const std::string& name, const std::string& type,
                const std::string& shape, int begin, int end) {
  return "\"" + name + "\": {\"dtype\": \"" + type + "\", \"shape\": [" +
         shape + "], \"data_offsets\": [" + std::to_string(begin) + ", " +
         std::to_string(end) + "]}";
}

// What reading says: the message, or one line a tensor.
std::string safetensors_text(const std::string& bytes) {
  std::string out;
  std::string error = error_of([&] {
    SafetensorsHeader header =
        parse_safetensors(std::as_bytes(std::span(bytes)), "a.safetensors");
    for (const FileTensor& tensor : header.tensors) {
      out += tensor.name + " " + tensor.type_code + " " +
             std::to_string(tensor.bytes) + "\n";
    }
  });
  return error == "no error" ? out : error;
}

std::string safetensors_error(const std::string& what) {
  return "error[L0513]: `a.safetensors`: " + what + "\n";
}

}  // namespace

TEST_CASE("safetensors: rows are listed by name, foreign types too") {
  CHECK_EQ(safetensors_text(
               safetensors_of("{" + row("b", "F32", "2, 3", 0, 24) + ", " +
                                  row("a", "U64", "1", 24, 32) + ", " +
                                  row("e", "BF16", "0, 7", 32, 32) + ", " +
                                  row("f", "F2_NEW", "12", 32, 35) +
                                  ", \"__metadata__\": {\"format\": \"pt\"}}",
                              35)),
           "a U64 8\nb F32 24\ne BF16 0\nf F2_NEW 3\n");
  CHECK_EQ(safetensors_text(safetensors_of("{}   ", 0)), "");
}

TEST_CASE("safetensors: the header's length is checked") {
  CHECK_EQ(safetensors_text("abc"),
           safetensors_error("too short for a safetensors file (3 bytes)"));
  std::string cut = safetensors_of("{}", 0);
  cut[0] = 3;
  CHECK_EQ(safetensors_text(cut),
           safetensors_error("its header claims 3 bytes; the file has 2") +
               "   = help: not a safetensors file, or an incomplete "
               "download\n");
  cut[7] = '\xff';
  CHECK(safetensors_text(cut).find("L0513") != std::string::npos);
}

TEST_CASE("safetensors: ranges stay in the file and cover it once") {
  CHECK_EQ(safetensors_text(
               safetensors_of("{" + row("a", "F32", "2", 0, 8) + "}", 7)),
           safetensors_error(
               "tensor `a`: bytes 0 to 8 are not within the 7 bytes of "
               "data"));
  CHECK_EQ(safetensors_text(
               safetensors_of("{" + row("a", "U8", "2", 2, 0) + "}", 7)),
           safetensors_error(
               "tensor `a`: bytes 2 to 0 are not within the 7 bytes of "
               "data"));
  CHECK_EQ(
      safetensors_text(safetensors_of("{" + row("a", "U8", "2", 0, 2) + ", " +
                                          row("b", "U8", "2", 1, 3) + "}",
                                      3)),
      safetensors_error("tensor `b`: its bytes overlap another tensor's"));
  CHECK_EQ(
      safetensors_text(
          safetensors_of("{" + row("a", "U8", "2", 1, 3) + "}", 3)),
      safetensors_error("tensor `a`: 1 bytes before it belong to no tensor"));
  CHECK_EQ(safetensors_text(
               safetensors_of("{" + row("a", "U8", "2", 0, 2) + "}", 3)),
           safetensors_error("1 bytes at the end belong to no tensor"));
}

TEST_CASE("safetensors: sizes follow from type and shape") {
  CHECK_EQ(
      safetensors_text(
          safetensors_of("{" + row("a", "F32", "3", 0, 8) + "}", 8)),
      safetensors_error("tensor `a`: its type and shape take 12 bytes and the "
                        "header gives it 8"));
  CHECK_EQ(safetensors_text(safetensors_of(
               "{" + row("a", "F32", "9223372036854775807, 4", 0, 8) + "}", 8)),
           safetensors_error("tensor `a`: its size is beyond 2^64 bits"));
  CHECK_EQ(safetensors_text(
               safetensors_of("{" + row("a", "F32", "-1", 0, 8) + "}", 8)),
           safetensors_error(
               "tensor `a`: a size or offset is not an integer of 0 or "
               "more"));
  CHECK_EQ(safetensors_text(safetensors_of(
               "{" + row("a", "F33", "4611686018427387904", 0, 8) + "}", 8)),
           safetensors_error("tensor `a`: its size is beyond 2^64 bits"));
  CHECK_EQ(
      safetensors_text(safetensors_of(
          "{" + row("a", "F32", "0, 9223372036854775807, 4", 0, 0) + "}", 0)),
      "a F32 0\n");
}

TEST_CASE("safetensors: entries have their three fields") {
  CHECK_EQ(safetensors_text(safetensors_of("[1]", 0)),
           safetensors_error("its header is not an object"));
  CHECK_EQ(safetensors_text(safetensors_of("{\"a\": 1}", 0)),
           safetensors_error("tensor `a`: its entry is not an object"));
  CHECK_EQ(
      safetensors_text(safetensors_of("{\"a\": {\"dtype\": 1}}", 0)),
      safetensors_error("tensor `a`: `dtype` is an integer, not a string"));
  CHECK_EQ(safetensors_text(safetensors_of(
               "{\"a\": {\"dtype\": \"U8\", \"shape\": []}}", 0)),
           safetensors_error("tensor `a`: `data_offsets` is missing"));
  CHECK_EQ(
      safetensors_text(safetensors_of("{" + row("a", "U8", "", 0, 1) + ", " +
                                          row("a", "U8", "", 0, 1) + "}",
                                      1)),
      "error[L0514]: header of `a.safetensors`: not JSON at byte 60: "
      "duplicate name `a`\n");
}

TEST_CASE("safetensors: what is written is read back, bit by bit") {
  TempFolder folder;
  std::vector<NamedTensor> written;
  for (const DTypeInfo& type : all_dtypes()) {
    if (type.safetensors.empty()) continue;
    Tensor tensor(type.dtype, {2, 3});
    for (int i = 0; i < 6; ++i) tensor.set(i, is_bool(type.dtype) ? i % 2 : i);
    written.push_back({std::string(type.name), tensor});
  }
  written.push_back({"scalar \"one\"", Tensor(DType::kFloat64, {})});
  const std::string path = folder.file("out.safetensors");
  write_safetensors(path, written);
  SafetensorsFile file(path);
  CHECK_EQ(file.tensors().size(), written.size());
  for (const NamedTensor& entry : written) {
    const FileTensor* found = file.find(entry.name);
    REQUIRE(found != nullptr);
    Tensor tensor = file.read(*found);
    CHECK_EQ(to_string(tensor), to_string(entry.tensor));
    file.prefetch(*found);
    file.release(tensor);
    CHECK_EQ(to_string(tensor), to_string(entry.tensor));
  }
  CHECK(file.find("float33") == nullptr);
}

TEST_CASE("safetensors: an unaligned tensor is copied, a foreign one refused") {
  TempFolder folder;
  const std::string path = folder.write(
      "a.safetensors", safetensors_of("{" + row("a", "U8", "1", 0, 1) + ", " +
                                          row("b", "F32", "1", 1, 5) + ", " +
                                          row("c", "U16", "1", 5, 7) + "}",
                                      7));
  SafetensorsFile file(path);
  Tensor b = file.read(*file.find("b"));
  CHECK_EQ(reinterpret_cast<uintptr_t>(b.data()) % 4, 0);
  CHECK_EQ(b.at(0), 0);
  CHECK_EQ(error_of([&] { file.read(*file.find("c")); }),
           "error[L0517]: `" + path +
               "`: tensor `c` is stored as U16, which this version cannot "
               "compute with\n");
}

TEST_CASE("safetensors: a file that cannot be written leaves nothing") {
  TempFolder folder;
  CHECK_EQ(error_of([&] {
             write_safetensors(folder.file("no/such/out.safetensors"), {});
           }),
           "error[L0512]: cannot write `" +
               folder.file("no/such/out.safetensors") +
               "`: No such file or directory\n");
  CHECK(std::filesystem::is_empty(folder.path()));
}

}  // namespace lathe
