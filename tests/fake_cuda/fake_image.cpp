#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "tests/fake_cuda/fake_cuda.h"

namespace lathe::fake {
namespace {

constexpr char kMagic[] = "lathe-fake-cubin";

}  // namespace

int64_t setting(const char* name, int64_t otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? std::strtoll(value, nullptr, 10) : otherwise;
}

void log_line(const std::string& line) {
  const char* file = std::getenv("LATHE_FAKE_LOG");
  if (file && *file) std::ofstream(file, std::ios::app) << line << "\n";
}

std::string make_image(const std::vector<FakeEntry>& entries,
                       const std::string& object) {
  std::ostringstream out;
  out << kMagic << " " << entries.size();
  for (const FakeEntry& entry : entries) {
    out << " " << entry.name << " " << entry.parameters << " " << entry.maps;
  }
  out << " " << object.size() << "\n" << object;
  return out.str();
}

bool read_image(const void* data, FakeImage& image) {
  const char* text = static_cast<const char*>(data);
  if (std::strncmp(text, kMagic, sizeof kMagic - 1) != 0) return false;
  const char* end = std::strchr(text, '\n');
  std::istringstream head(std::string(text, end));
  std::string magic;
  size_t count = 0;
  head >> magic >> count;
  image.entries.resize(count);
  for (FakeEntry& entry : image.entries) {
    head >> entry.name >> entry.parameters >> entry.maps;
  }
  head >> image.size;
  image.object = end + 1;
  return !head.fail();
}

std::vector<FakeEntry> entries_of(const std::string& text) {
  std::vector<FakeEntry> entries;
  const std::string mark = "__launch_bounds__(";
  for (size_t at = text.find(mark); at != std::string::npos;
       at = text.find(mark, at + 1)) {
    const size_t name = text.find(") ", at) + 2;
    const size_t open = text.find('(', name);
    const size_t close = text.find(") {", open);
    const std::string list = text.substr(open, close - open);
    FakeEntry entry{text.substr(name, open - name), 1, 0};
    const std::string map = "TENSOR_MAP(";
    const size_t first = std::min(list.find(map), list.size());
    for (size_t i = first; i < list.size(); i = list.find(map, i + 1)) {
      ++entry.maps;
    }
    // Behind each of the others comes a comma, or the end.
    const auto begin = list.begin();
    entry.parameters += static_cast<int>(std::count(
        begin, begin + static_cast<std::ptrdiff_t>(first), ','));
    if (entry.maps > 0) --entry.parameters;
    entries.push_back(entry);
  }
  return entries;
}

}  // namespace lathe::fake
