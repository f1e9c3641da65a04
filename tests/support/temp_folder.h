// A folder of a test's own, removed with everything in it at the end.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace lathe {

class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // The path of a file in it.
  std::string file(std::string_view name) const;
  // Writes a file, folders on the way included, and returns its path.
  std::string write(std::string_view name, std::string_view bytes) const;
  // The bytes of a file in it.
  std::string read(std::string_view name) const;

 private:
  std::filesystem::path path_;
};

// The bytes of any file; fails the test's process if it cannot be read.
std::string file_bytes(const std::filesystem::path& path);

}  // namespace lathe
