#pragma once
// Types of blocks (q4_k and its kin): what may have them, and how the graph
// sees what is stored in them.

#include <string>

#include "interpreter/graph.h"
#include "spec/source.h"

namespace lathe {

// Values that are computed have a dtype of their own each: throws SpecError
// L0404 saying that `what` cannot be in blocks.
void refuse_blocks(DType dtype, const std::string& what,
                   const SourceSpan& span);

// Throws SpecError L0407 unless the rows of a declared weight are whole
// blocks.
void check_blocks(const TensorType& type, const SourceSpan& span);

// The rows of a tensor in blocks as bytes: uint8[..., bytes of a row].
// Requires: whole blocks.
TensorType bytes_type(const TensorType& type);

}  // namespace lathe
