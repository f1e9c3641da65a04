#pragma once
// A file that appears whole or not at all: written under a temporary name
// beside the target, then renamed over it.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lathe {

class AtomicFile {
 public:
  // Opens the temporary file. Throws SpecError L0512, as do all others here.
  explicit AtomicFile(std::string path);
  // Removes the temporary file unless commit() was reached.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  // At a place counted from the beginning; write() goes on where it was.
  void write_at(uint64_t offset, std::span<const std::byte> bytes);

  // Flushes and renames; the target is the new file from here on.
  void commit();

 private:
  [[noreturn]] void fail_to_write(int error) const;

  std::string path_;
  std::string temporary_;
  int fd_ = -1;
};

}  // namespace lathe
