// The YAML library's messages, told so that a user knows what to do.
#include <algorithm>

#include "spec/text.h"
#include "spec/yaml_scan.h"

namespace lathe {
namespace {

// A message of the library (a part of it), and ours.
struct Wording {
  std::string_view library;
  std::string_view message;
  std::string_view help;
};

constexpr std::string_view kIndentHelp =
    "indent the line as the lines it belongs to, or put a text with special "
    "characters in quotes";

constexpr Wording kWordings[] = {
    {"end of map not found", "no key of the mapping above begins here",
     kIndentHelp},
    {"end of sequence not found", "no item of the list above begins here",
     kIndentHelp},
    {"illegal map value", "this `:` cannot stand here",
     "put a text that contains `: ` in quotes, or check the indentation"},
    {"illegal map key", "a key cannot begin here", kIndentHelp},
    {"illegal block entry", "a list cannot begin here",
     "begin it on its own line, or write it as [a, b]"},
    {"illegal flow end", "this bracket closes nothing", ""},
    {"unknown escape", "this is no escape of a text in double quotes",
     "write `\\\\` for a backslash, or use single quotes"},
    {"scanning hex number", "an escape ends in hexadecimal digits",
     "`\\x` takes two of them, `\\u` four, `\\U` eight"},
    {"invalid unicode", "this escape is no character", ""},
    {"document indicator in scalar", "a text in quotes cannot go past this",
     "close the quote before it"},
    {"after *", "the name of an anchor is missing behind `*`",
     "put a text that begins with `*` in quotes"},
    {"after &", "the name of an anchor is missing behind `&`",
     "put a text that begins with `&` in quotes"},
    {"scanning alias", "this cannot be in the name of an anchor",
     "put a text that begins with `*` in quotes"},
    {"scanning anchor", "this cannot be in the name of an anchor",
     "put a text that begins with `&` in quotes"},
    {"any content", "nothing can be added to what `*` repeats", ""},
    {"in block scalar", "only an indentation can follow `|` or `>`",
     "begin the text on the next line"},
};

// The tabs in the indentation of the line that holds `begin`, if it has any
// before that place.
SourceSpan indenting_tab(const SourceRef& file, uint32_t begin) {
  std::string_view text = file->text;
  SourceSpan here = {file, begin, begin};
  uint32_t line = file->line_starts[static_cast<size_t>(here.line()) - 1];
  size_t indent = std::min(text.find_first_not_of(" \t", line), text.size());
  size_t tab = text.find('\t', line);
  if (tab >= indent) return {};
  return {file, static_cast<uint32_t>(tab), static_cast<uint32_t>(indent)};
}

void report_open_bracket(const SourceSpan& here, const YamlNode& open,
                         Diagnostics& diagnostics) {
  SourceSpan bracket = {here.file, open.span.begin, open.span.begin + 1};
  bool list = open.is_sequence();
  std::string message = cat({"this `", list ? "[" : "{", "` is not closed"});
  if (here.begin >= here.file->text.size()) {
    diagnostics.error("L0101", bracket, message + " before the file ends");
    return;
  }
  diagnostics.error("L0101", bracket, message,
                    cat({"text with `,` `:` or brackets inside ",
                         list ? "[ ]" : "{ }", " needs quotes"}),
                    {cat({"`,` or `", list ? "]" : "}", "` should stand at ",
                          place_of(here), ":", here.column()})});
}

}  // namespace

void report_syntax(std::string_view what, const SourceRef& file, uint32_t begin,
                   const YamlNode* open_flow, Diagnostics& diagnostics) {
  std::string_view text = file->text;
  SourceSpan here = {file, begin, begin + (begin < text.size() ? 1u : 0u)};
  auto says = [&what](std::string_view part) {
    return what.find(part) != std::string_view::npos;
  };
  // A tab is the cause of whatever else is wrong with its line.
  SourceSpan tab = indenting_tab(file, begin);
  if (tab.known()) {
    diagnostics.error("L0103", tab, "a tab indents this line",
                      "indent with spaces only");
    return;
  }
  if (says("anchor is not defined")) {
    size_t end = text.find_first_of(" \t\r\n,[]{}", begin);
    here.end = static_cast<uint32_t>(std::min(end, text.size()));
    diagnostics.error("L0108", here,
                      cat({"nothing is marked with `&", here.text().substr(1),
                           "` before this place"}));
    return;
  }
  if (says("flow not found") && open_flow != nullptr) {
    report_open_bracket(here, *open_flow, diagnostics);
    return;
  }
  if (says("unknown token")) {
    diagnostics.error(
        "L0101", here,
        cat({"a text cannot begin with ", backquoted(here.text())}),
        "put it in quotes");
    return;
  }
  for (const Wording& wording : kWordings) {
    if (!says(wording.library)) continue;
    diagnostics.error("L0101", here, std::string(wording.message),
                      std::string(wording.help));
    return;
  }
  diagnostics.error("L0101", here, std::string(what));
}

}  // namespace lathe
