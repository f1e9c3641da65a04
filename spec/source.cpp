#include "spec/source.h"

#include <algorithm>
#include <limits>

#include "spec/check.h"

namespace lathe {
namespace {

// Index into line_starts of the line that holds `offset`.
size_t line_index(const SourceFile& file, uint32_t offset) {
  auto after = std::upper_bound(file.line_starts.begin(),
                                file.line_starts.end(), offset);
  return static_cast<size_t>(after - file.line_starts.begin()) - 1;
}

}  // namespace

SourceRef make_source(std::string name, std::string text) {
  LATHE_CHECK(text.size() < std::numeric_limits<uint32_t>::max(), name,
              " is too large for a source file");
  auto file = std::make_shared<SourceFile>();
  file->name = std::move(name);
  file->text = std::move(text);
  file->line_starts.push_back(0);
  for (uint32_t i = 0; i < file->text.size(); ++i) {
    if (file->text[i] == '\n') file->line_starts.push_back(i + 1);
  }
  return file;
}

std::string_view line_text(const SourceFile& file, int line) {
  LATHE_CHECK(line >= 1 && static_cast<size_t>(line) <= file.line_starts.size(),
              "no line ", line, " in ", file.name);
  size_t index = static_cast<size_t>(line) - 1;
  std::string_view text = file.text;
  size_t begin = file.line_starts[index];
  size_t end = index + 1 < file.line_starts.size()
                   ? file.line_starts[index + 1] - 1
                   : text.size();
  if (end > begin && text[end - 1] == '\r') --end;
  return text.substr(begin, end - begin);
}

int SourceSpan::line() const {
  LATHE_CHECK(known(), "the line of an unknown place");
  return static_cast<int>(line_index(*file, begin)) + 1;
}

int SourceSpan::column() const {
  LATHE_CHECK(known(), "the column of an unknown place");
  uint32_t start = file->line_starts[line_index(*file, begin)];
  int column = 1;
  for (uint32_t i = start; i < begin && i < file->text.size(); ++i) {
    bool continues = (static_cast<unsigned char>(file->text[i]) >> 6) == 2;
    if (!continues) ++column;
  }
  return column;
}

std::string_view SourceSpan::text() const {
  if (!known() || begin > file->text.size()) return {};
  return std::string_view(file->text).substr(begin, end - begin);
}

std::string place_of(const SourceSpan& span) {
  if (!span.known()) return "the command line";
  return cat({span.file->name, ":", span.line()});
}

SourceSpan join(const SourceSpan& first, const SourceSpan& last) {
  LATHE_CHECK(first.file == last.file, "a span over two files");
  return {first.file, std::min(first.begin, last.begin),
          std::max(first.end, last.end)};
}

}  // namespace lathe
