#pragma once
// Room for index 0 of an axis of size 0. A kernel that finds an index out of
// range notes that and goes on with index 0, which every axis has but an empty
// one. So a buffer without elements that may be read or written by index has
// memory all the same: as if its empty axes had size 1.

#include <cstdint>
#include <vector>

#include "codegen/program.h"

namespace lathe {

// By buffer: whether a step of a run that checks indices reads or writes it.
std::vector<bool> find_indexed(const Program& program);

// Bytes of the room in a tensor with no elements; 0 if that is a number beyond
// 2^63, for which no kernel has anything to do.
int64_t index_room(DType dtype, const std::vector<int64_t>& shape);

}  // namespace lathe
