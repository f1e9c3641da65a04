#pragma once
// Exact texts in files: messages as a folder of pairs name.yaml and name.err,
// and any other text that a test makes. With LATHE_ACCEPT=1 in the environment
// the files are rewritten instead of compared.

#include <filesystem>
#include <string>

#include "spec/source.h"

namespace lathe {

// Compares a text with the file that holds what it should be. Returns both
// where they differ, else nothing.
std::string compare_with_file(const std::string& found,
                              const std::filesystem::path& expected);

// Compares what `check` says about each folder/*.yaml with the .err beside it.
// Returns a report of the differences, empty if there are none.
std::string compare_error_cases(const std::filesystem::path& folder,
                                std::string (*check)(const SourceRef& file));

// The bytes of a file; a failed read is an InternalError.
std::string read_test_file(const std::filesystem::path& path);

}  // namespace lathe
