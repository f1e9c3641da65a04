#pragma once
// Patterns over names of tensors: `*` stands for any text, `{i}` for one part
// between dots (the same text wherever it stands again).

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

// What a pattern's wildcards stand for in one name.
struct Captures {
  std::vector<std::string> stars;                   // in order
  std::map<std::string, std::string, std::less<>> names;  // of `{i}`
};

// Nothing if the name does not match.
std::optional<Captures> match_name(std::string_view pattern,
                                   std::string_view name);

// The pattern with its wildcards replaced. A `{i}` that is not captured stays.
// Nothing if the pattern has more `*` than the captures.
std::optional<std::string> fill_pattern(std::string_view pattern,
                                        const Captures& captures);

// The first `{i}` of the text, without braces; empty if there is none.
std::string open_placeholder(std::string_view text);

}  // namespace lathe
