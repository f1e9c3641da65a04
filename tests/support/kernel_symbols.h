#pragma once
// What an object of kernels needs from others. Kernels are linked with
// -nostdlib and loaded where they find what they need or not at all, so they
// may need nothing but what compilers themselves put in.

#include <string>

namespace lathe {

// The undefined symbols of a shared object but memcpy, memset and memmove,
// one a line.
std::string missing_symbols(const std::string& object);

}  // namespace lathe
