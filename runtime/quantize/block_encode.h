#pragma once
// Rows of float32 as blocks of GGUF's types. The types of 32 values are encoded
// as ggml's reference does, byte for byte; those of 256 by a search for the
// scales with the least squared error.

#include <cstddef>
#include <cstdint>

#include "spec/dtype.h"

namespace lathe {

// Encodes `count` finite values into bytes_of(dtype, count) bytes.
// Requires: a block dtype, and whole blocks.
void encode_blocks(DType dtype, const float* values, int64_t count,
                   std::byte* out);

// One block of 256 values, for encode_blocks. Requires: a zeroed block.
void encode_q2_k(const float* values, uint8_t* block);
void encode_q3_k(const float* values, uint8_t* block);
void encode_q4_k(const float* values, uint8_t* block);
void encode_q5_k(const float* values, uint8_t* block);
void encode_q6_k(const float* values, uint8_t* block);

}  // namespace lathe
