#include "codegen/prelude.h"

#include "codegen/cuda/device_header.h"
#include "codegen/prelude_text.h"
#include "spec/text.h"

namespace lathe {

std::string render_prelude(const Target& target) {
  if (target.gpu) return cuda::device_header();
  std::string width = std::to_string(target.vector_bytes);
  std::string half = std::to_string(target.vector_bytes / 2);
  std::string quarter = std::to_string(target.vector_bytes / 4);
  auto vector = [](const char* element, const char* name,
                   const std::string& bytes) {
    return cat({"typedef ", element, " ", name, " __attribute__((vector_size(",
                bytes, ")));\n"});
  };
  const char* widen = target.name == "avx2"     ? kPreludeWidenAvx2
                      : target.name == "avx512" ? kPreludeWidenAvx512
                                                : kPreludeWiden;
  std::string products;
  if (target.bf16_dot) {
    products = cat({"#ifdef __AVX512VBMI__", kPreludeWidenE4m3ByTable, "#else",
                    kPreludeWidenE4m3, "#endif\n", kPreludeDotBf16});
  }
  if (target.name == "avx2") products += kPreludeDotAvx2;
  if (target.name == "avx512") products += kPreludeDotAvx512;
  if (target.name == "neon") products += kPreludeDotNeon;
  if (target.int8_dot) products += kPreludeDots;
  return std::string(kPreludeScalars) + kPreludeTypes +  //
         vector("f32", "f32v", width) + vector("i32", "i32v", width) +
         vector("u32", "u32v", width) + vector("f64", "f64v", width) +
         vector("i64", "i64v", width) + vector("u64", "u64v", width) +
         vector("u16", "u16h", half) + vector("u8", "u8q", quarter) +
         vector("i16", "i16h", half) + vector("i8", "i8q", quarter) + widen +
         kPreludeFormats + kPreludeElements + kPreludeVectors + products +
         kPreludeIntegers + kPreludeChecked + kPreludeFloat32 +
         kPreludeFloat64 + kPreludeFunctions;
}

}  // namespace lathe
