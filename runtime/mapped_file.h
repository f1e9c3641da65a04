#pragma once
// A file mapped into memory for reading. Pages come in when they are touched
// and can be given back, so that a checkpoint larger than memory can be read
// tensor by tensor.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace lathe {

class MappedFile {
 public:
  // Throws SpecError L0511 if the file is missing, is not a regular file or
  // cannot be read.
  static std::shared_ptr<const MappedFile> open(const std::string& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }

  // Gives the pages that lie wholly within [offset, offset + size) back to the
  // system; touching them again reads the file again.
  void release(size_t offset, size_t size) const;

  // Asks the system to read [offset, offset + size) soon.
  void prefetch(size_t offset, size_t size) const;

 private:
  MappedFile() = default;

  std::string path_;
  const std::byte* data_ = nullptr;  // null for an empty file
  size_t size_ = 0;
};

// The whole file as text. Throws SpecError L0511 as open() does, also for one
// longer than `limit` bytes. "-" is standard input.
std::string read_text_file(const std::string& path,
                           size_t limit = size_t{64} << 20);

// Throws SpecError L0511 with the reason `error` (an errno) for `path`.
[[noreturn]] void fail_to_read(const std::string& path, int error);

}  // namespace lathe
