#pragma once
// Which products cuBLASLt computes, on which GPUs, from which version on, and
// from which sizes on they are left to it. One table each.

#include <cstdint>
#include <optional>

#include "codegen/library_product.h"

namespace lathe::cuda {

// Who makes the result of the sums: the library, or a kernel of ours behind it
// that reads them as float32.
enum class Closing : uint8_t { kLibrary, kKernel };

// The version that computes products of this form on a GPU of compute
// capability `sm`; nothing where none does, or where sizes or strides are not
// as the library wants them. Requires: static columns, depth and strides.
std::optional<int64_t> library_version(const LibraryProduct& product, int sm);

// 1 where a group with so many columns in all is worth it, else 0.
Dim worth_while(const LibraryProduct& product, const Dim& columns,
                Closing closing);

}  // namespace lathe::cuda
