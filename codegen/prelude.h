#pragma once
// The text that stands before every generated kernel: types, the kernel ABI,
// conversions, and functions of numbers and vectors. It includes nothing and
// calls nothing outside itself, so a kernel links against no library.

#include <string>

#include "codegen/target.h"

namespace lathe {

// The prelude for vectors of the target's width; for a GPU its device header.
std::string render_prelude(const Target& target);

}  // namespace lathe
