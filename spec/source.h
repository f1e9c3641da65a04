#pragma once
// Where things stand in the user's files.
//
// A SourceFile is immutable and shared, so that a span stays valid for as long
// as anybody holds it: every AST node, graph node and kernel carries one.
// Offsets are bytes; lines and columns start at 1, columns count characters.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

// One file as it was read. `name` is what messages call it.
struct SourceFile {
  std::string name;
  std::string text;
  std::vector<uint32_t> line_starts;  // offset of the first byte of each line
};

using SourceRef = std::shared_ptr<const SourceFile>;

// Makes a file from its text and finds its lines.
// Requires: fewer than 2^32 bytes.
SourceRef make_source(std::string name, std::string text);

// The text of line `line`, without its line end.
std::string_view line_text(const SourceFile& file, int line);

// A half-open range of bytes [begin, end) of a file; `file` is null where no
// text exists (a value that came from the command line, for example).
struct SourceSpan {
  SourceRef file;
  uint32_t begin = 0;
  uint32_t end = 0;

  // True if the span points into a file.
  bool known() const { return file != nullptr; }

  // Line and column of `begin`. Requires: known().
  int line() const;
  int column() const;

  // The spanned text; empty where not known.
  std::string_view text() const;
};

// "model.yaml:27" for use inside messages, or "the command line" if unknown.
std::string place_of(const SourceSpan& span);

// The span from the beginning of `first` to the end of `last`.
// Requires: both stand in one file.
SourceSpan join(const SourceSpan& first, const SourceSpan& last);

}  // namespace lathe
