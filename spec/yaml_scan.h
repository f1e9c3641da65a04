#pragma once
// What the YAML library does not tell: where scalars end, where each of their
// characters stands, and which text it skipped. Internal to spec/yaml*.cpp.

#include <string_view>
#include <utility>
#include <vector>

#include "spec/yaml.h"

namespace lathe {

// Limits on a file; see spec/README.md, "YAML".
inline constexpr size_t kMaxYamlBytes = size_t{16} << 20;
inline constexpr int kMaxYamlDepth = 64;
inline constexpr size_t kMaxAliasNodes = 1000;

// Checks what must hold before the library sees the text: size, UTF-8, no
// control characters. False if it must not be parsed.
bool check_text(const SourceRef& file, Diagnostics& diagnostics);

// Offset behind anchors, tags and blanks before a node's own text. Adds an
// error for a tag. `covered_end` gets the offset behind the last property.
uint32_t skip_properties(const SourceRef& file, uint32_t offset,
                         uint32_t& covered_end, Diagnostics& diagnostics);

// Offset of the first character from `offset` on that is neither blank, a line
// end nor in a comment.
uint32_t skip_blanks(std::string_view text, uint32_t offset);

// Fills span, style and places of a scalar that begins at `begin` and that the
// library decoded to node.text.
void locate_scalar(const SourceRef& file, uint32_t begin, YamlNode& node,
                   Diagnostics& diagnostics);

// Checks that the text between the nodes (given as [begin, end) in file order)
// is nothing but blanks, comments and punctuation.
void check_gaps(const SourceRef& file,
                const std::vector<std::pair<uint32_t, uint32_t>>& covered,
                Diagnostics& diagnostics);

// Adds what the library says about the text at `begin`, in words that help.
// `open_flow` is the innermost { or [ that is open there, or null.
void report_syntax(std::string_view what, const SourceRef& file, uint32_t begin,
                   const YamlNode* open_flow, Diagnostics& diagnostics);

}  // namespace lathe
