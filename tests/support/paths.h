#pragma once
// Where the tests find their files.

#include <filesystem>

namespace lathe {

// The root of the source tree that the tests were built from, or what
// LATHE_SOURCE_DIR names on a machine to which both were carried.
std::filesystem::path source_dir();

}  // namespace lathe
