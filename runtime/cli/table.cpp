#include "runtime/cli/table.h"

#include <algorithm>
#include <cstdio>

#include "spec/check.h"

namespace lathe {
namespace {

// Columns that a text takes on a terminal.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](unsigned char c) { return (c >> 6) != 2; }));
}

std::string with_unit(double value, double step,
                      const std::vector<const char*>& units) {
  size_t unit = 0;
  while (value >= step && unit + 1 < units.size()) {
    value /= step;
    ++unit;
  }
  char text[48];
  const int written = std::snprintf(
      text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  std::string out(text, static_cast<size_t>(written));
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace

Table::Table(std::vector<std::string> titles) {
  for (std::string& title : titles) {
    const bool right = title.starts_with('>');
    if (right) title.erase(0, 1);
    right_.push_back(right);
  }
  rows_.push_back(std::move(titles));
}

void Table::add(std::vector<std::string> cells) {
  LATHE_CHECK(cells.size() == right_.size(), cells.size());
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<size_t> widths(right_.size());
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row[i]));
    }
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string pad(widths[i] - width_of(row[i]), ' ');
      if (i > 0) line += "  ";
      line += right_[i] ? pad + row[i] : row[i] + pad;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string bytes_text(int64_t bytes) {
  return with_unit(static_cast<double>(bytes), 1024,
                   {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"});
}

std::string count_text(int64_t count) {
  return with_unit(static_cast<double>(count), 1000, {"", "K", "M", "B", "T"});
}

std::string seconds_text(double seconds) {
  struct Unit {
    double limit, factor;
    const char* format;
  };
  constexpr Unit kUnits[] = {
      {1e-6, 1e9, "%.0f ns"}, {1e-3, 1e6, "%.1f us"}, {1, 1e3, "%.2f ms"}};
  char text[48];
  for (const Unit& unit : kUnits) {
    if (seconds >= unit.limit) continue;
    std::snprintf(text, sizeof text, unit.format, seconds * unit.factor);
    return text;
  }
  std::snprintf(text, sizeof text, "%.2f s", seconds);
  return text;
}

}  // namespace lathe
