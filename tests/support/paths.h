#pragma once
// Where the tests find their files.

#include <filesystem>

namespace lathe {

// The root of the source tree that the tests were built from.
std::filesystem::path source_dir();

}  // namespace lathe
