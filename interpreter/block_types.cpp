#include "interpreter/block_types.h"

#include "spec/check.h"
#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {
namespace {

bool has_whole_blocks(const TensorType& type) {
  const int64_t values = info(type.dtype).values_per_block;
  if (values == 1) return true;
  return !type.shape.empty() && type.shape.back().is_static() &&
         type.shape.back().value() % values == 0;
}

}  // namespace

void refuse_blocks(DType dtype, const std::string& what,
                   const SourceSpan& span) {
  if (!is_block(dtype)) return;
  fail("L0404", span,
       cat({what, " cannot be ", to_string(dtype),
            ": only weights are stored in blocks"}),
       "their values are float32");
}

void check_blocks(const TensorType& type, const SourceSpan& span) {
  if (has_whole_blocks(type)) return;
  fail("L0407", span,
       cat({"a weight stored as ", to_string(type.dtype),
            " has rows of blocks of ", info(type.dtype).values_per_block,
            " values, and this is ", to_string(type.shape)}));
}

TensorType bytes_type(const TensorType& type) {
  LATHE_CHECK(has_whole_blocks(type), to_string(type), " has no whole blocks");
  TensorType bytes{DType::kUInt8, type.shape};
  bytes.shape.back() = bytes_of(type.dtype, type.shape.back().value());
  return bytes;
}

}  // namespace lathe
