#include "runtime/npy.h"

#include <doctest/doctest.h>

#include "tests/support/error_text.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

std::string npy(const std::string& header, const std::string& data,
                char version = 1) {
  std::string out = "\x93NUMPY";
  out += {version, '\0', static_cast<char>(header.size() & 255),
          static_cast<char>(header.size() >> 8)};
  if (version > 1) out += std::string(2, '\0');
  return out + header + data;
}

std::string header_of(const std::string& descr, const std::string& shape,
                      bool fortran = false) {
  return "{'descr': " + descr +
         ", 'fortran_order': " + (fortran ? "True" : "False") +
         ", 'shape': " + shape + ", }\n";
}

// The tensor's text, or the message.
std::string npy_text(const std::string& bytes) {
  TempFolder folder;
  const std::string path = folder.write("a.npy", bytes);
  std::string out;
  std::string error = error_of([&] { out = to_string(read_npy(path)); });
  if (error == "no error") return out;
  return error.replace(error.find(path), path.size(), "a.npy");
}

const std::string kSix = {1, 2, 3, 4, 5, 6};

}  // namespace

TEST_CASE("npy: all versions, both orders") {
  CHECK_EQ(npy_text(npy(header_of("'|u1'", "(2, 3)"), kSix)),
           "uint8[2, 3] [[1, 2, 3], [4, 5, 6]]");
  CHECK_EQ(npy_text(npy(header_of("'|i1'", "(2, 3)", true), kSix, 2)),
           "int8[2, 3] [[1, 3, 5], [2, 4, 6]]");
  CHECK_EQ(npy_text(npy(header_of("'|u1'", "(3, 1, 2)", true), kSix, 3)),
           "uint8[3, 1, 2] [[[1, 4]], [[2, 5]], [[3, 6]]]");
  CHECK_EQ(npy_text(npy(header_of("'|b1'", "(2,)"), {1, 0})),
           "bool[2] [true, false]");
  CHECK_EQ(npy_text(npy(header_of("'|u1'", "()"), {7})), "uint8[] 7");
  CHECK_EQ(npy_text(npy(header_of("'<f4'", "(0, 5)"), "")), "float32[0, 5] []");
}

TEST_CASE("npy: unsigned numbers without a dtype are widened") {
  CHECK_EQ(npy_text(npy(header_of("'<u2'", "(2,)"), "\xff\xff\x01\x02")),
           "int32[2] [65535, 513]");
  CHECK_EQ(npy_text(npy(header_of("'<u4'", "(1,)"), "\xff\xff\xff\xff")),
           "int64[1] [4294967295]");
}

TEST_CASE("npy: what cannot be used is named") {
  CHECK_EQ(npy_text(npy(header_of("[('a', '<f4')]", "(1,)"), "")),
           "error[L0515]: `a.npy`: it holds a structured array\n"
           "   = help: store each field as an array of its own\n");
  CHECK(npy_text(npy(header_of("'>f4'", "(1,)"), "abcd"))
            .find("it is big-endian") != std::string::npos);
  CHECK(npy_text(npy(header_of("'<c8'", "(1,)"), "abcdefgh"))
            .find("its type `<c8` is not a plain number") != std::string::npos);
  CHECK(npy_text(npy(header_of("'|O'", "(1,)"), "abcdefgh"))
            .find("its type `|O` is not a plain number") != std::string::npos);
}

TEST_CASE("npy: headers that lie are refused") {
  CHECK_EQ(npy_text(npy(header_of("'<f4'", "(2,)"), "abcdefg")),
           "error[L0515]: `a.npy`: its header asks for 8 bytes of data and 7 "
           "are there\n");
  CHECK_EQ(
      npy_text(npy(header_of("'<f4'", "(999999999999, 999999999999)"), "")),
      "error[L0515]: `a.npy`: its header asks for 9223372036854775807 "
      "bytes of data and 0 are there\n");
  CHECK_EQ(npy_text("PK"), "error[L0515]: `a.npy`: not an npy file\n");
  CHECK_EQ(npy_text("\x93NUMPY\x01"),
           "error[L0515]: `a.npy`: it ends in its header\n");
  CHECK_EQ(npy_text(npy("{'descr': '<f4'}", "")),
           "error[L0515]: `a.npy`: bad header at byte 16: it lacks descr, "
           "fortran_order or shape\n");
  CHECK_EQ(npy_text(npy("{'shape': (1, -1)}", "")),
           "error[L0515]: `a.npy`: bad header at byte 14: a dim is not a "
           "number\n");
  CHECK(npy_text(npy(header_of("'<f4'", "(1,)"), "abcd", 9))
            .find("version 9 of the format is unknown") != std::string::npos);
}

TEST_CASE("npy: what is written is read back") {
  TempFolder folder;
  const std::string path = folder.file("a.npy");
  for (const DTypeInfo& type : all_dtypes()) {
    if (is_block(type.dtype)) continue;
    Tensor tensor(type.dtype, {3});
    tensor.set(1, 1);
    write_npy(path, tensor);
    Tensor back = read_npy(path);
    CHECK_EQ(folder.read("a.npy").size() % 64, back.bytes() % 64);
    CHECK_EQ(back.at(1), 1);
    CHECK_EQ(back.at(2), 0);
    const bool kept = type.dtype != DType::kBFloat16 && !is_float8(type.dtype);
    CHECK(back.dtype() == (kept ? type.dtype : DType::kFloat32));
  }
}

}  // namespace lathe
