#pragma once
// Messages as exact text: a folder of pairs name.yaml and name.err.

#include <filesystem>
#include <string>

#include "spec/source.h"

namespace lathe {

// Compares what `check` says about each folder/*.yaml with the .err beside it.
// Returns a report of the differences, empty if there are none. With
// LATHE_ACCEPT=1 in the environment the .err files are rewritten instead.
std::string compare_error_cases(const std::filesystem::path& folder,
                                std::string (*check)(const SourceRef& file));

// The bytes of a file; a failed read is an InternalError.
std::string read_test_file(const std::filesystem::path& path);

}  // namespace lathe
