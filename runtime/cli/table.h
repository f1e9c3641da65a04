#pragma once
// Columns of text for a terminal, and numbers that people read.

#include <cstdint>
#include <string>
#include <vector>

namespace lathe {

class Table {
 public:
  // The titles; one that begins with `>` heads a column of numbers, which
  // stand to the right.
  explicit Table(std::vector<std::string> titles);

  // Requires: as many cells as titles.
  void add(std::vector<std::string> cells);

  // Columns two spaces apart, the last one unpadded.
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<bool> right_;
};

// "512 B", "1.5 KiB", "12.3 GiB".
std::string bytes_text(int64_t bytes);
// "512", "1.5 K", "135.3 M", "70.0 B".
std::string count_text(int64_t count);
// "850 ns", "12.3 us", "0.42 ms", "1.30 s".
std::string seconds_text(double seconds);

}  // namespace lathe
