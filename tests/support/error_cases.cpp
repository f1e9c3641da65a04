#include "tests/support/error_cases.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

#include "spec/check.h"

namespace lathe {
namespace {

bool accepts() {
  const char* value = std::getenv("LATHE_ACCEPT");
  return value != nullptr && std::string_view(value) == "1";
}

// The files of a folder with this extension, sorted.
std::vector<std::filesystem::path> files_with(
    const std::filesystem::path& folder, std::string_view extension) {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == extension) out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::filesystem::path with_extension(std::filesystem::path path,
                                     std::string_view extension) {
  return path.replace_extension(extension);
}

}  // namespace

std::string read_test_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  LATHE_CHECK(stream.good(), "cannot read ", path.string());
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::string compare_with_file(const std::string& found,
                              const std::filesystem::path& expected) {
  if (accepts()) {
    std::ofstream(expected, std::ios::binary) << found;
    return "";
  }
  const std::string wanted = std::filesystem::exists(expected)
                                 ? read_test_file(expected)
                                 : "(no such file)\n";
  if (found == wanted) return "";
  return cat({"--- ", expected.filename().string(), ": expected\n", wanted,
              "--- found\n", found});
}

std::string compare_error_cases(const std::filesystem::path& folder,
                                std::string (*check)(const SourceRef& file)) {
  std::string report;
  for (const std::filesystem::path& path : files_with(folder, ".yaml")) {
    std::filesystem::path expected_path = with_extension(path, ".err");
    std::string found =
        check(make_source(path.filename().string(), read_test_file(path)));
    report += compare_with_file(found, expected_path);
  }
  for (const std::filesystem::path& path : files_with(folder, ".err")) {
    if (!std::filesystem::exists(with_extension(path, ".yaml"))) {
      report += cat({"--- ", path.filename().string(), ": no .yaml file\n"});
    }
  }
  return report;
}

}  // namespace lathe
