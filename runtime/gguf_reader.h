#pragma once
// The parts of a GGUF header: numbers, texts and metadata values, each checked
// against the end of the file before it is read. For gguf.cpp.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "interpreter/config_value.h"

namespace lathe {

class GgufReader {
 public:
  GgufReader(std::span<const std::byte> bytes, const std::string& path)
      : bytes_(bytes), path_(path) {}

  uint64_t position() const { return position_; }
  uint64_t left() const { return bytes_.size() - position_; }

  // What is being read, for messages: "tensor `a`"; empty for the file.
  void at(std::string subject) { subject_ = std::move(subject); }

  // Throws SpecError L0521 if the file ends before.
  template <typename T>
  T number() {
    require(sizeof(T));
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }
  std::string text();
  // A value of metadata: its type, then what the type says.
  ConfigValue value();
  // How many of something follow, each of at least `least` bytes.
  uint64_t count(uint64_t least);

  [[noreturn]] void wrong(const std::string& what) const;

 private:
  ConfigValue value_of(uint32_t type, int depth);
  ConfigValue list(int depth);
  void require(uint64_t bytes) const;
  void take_items(uint64_t count);

  std::span<const std::byte> bytes_;
  const std::string& path_;
  uint64_t position_ = 0;
  uint64_t items_ = 0;  // of all lists so far
  std::string subject_;
};

}  // namespace lathe
