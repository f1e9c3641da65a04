// `lathe layers`: the types of the library, by name, with their first line of
// documentation. Parses no YAML: the list is there at once.
#include "interpreter/spec_library.h"
#include "runtime/cli/table.h"
#include "runtime/cli/verbs.h"
#include "runtime/json.h"

namespace lathe {
namespace {

// The text of a top-level line `doc: ...`, or the first line of a block.
std::string doc_of(std::string_view text) {
  size_t at = text.find("\ndoc:");
  if (at == std::string_view::npos) return "";
  text.remove_prefix(at + 5);
  std::string_view line = text.substr(0, text.find('\n'));
  const size_t begin = line.find_first_not_of(" ");
  if (begin == std::string_view::npos) return "";
  line.remove_prefix(begin);
  if (line[0] == '|' || line[0] == '>') {
    text.remove_prefix(text.find('\n') + 1);
    line = text.substr(0, text.find('\n'));
    line.remove_prefix(std::min(line.find_first_not_of(" "), line.size()));
  }
  if (line.size() > 1 && line.front() == '"' && line.back() == '"') {
    line = line.substr(1, line.size() - 2);
  }
  return std::string(line);
}

std::string_view kind_text(SpecKind kind) {
  switch (kind) {
    case SpecKind::kLayer:
      return "layer";
    case SpecKind::kModel:
      return "model";
    case SpecKind::kStruct:
      return "struct";
  }
  return "";
}

}  // namespace

int layers_verb(const Command&, Console& console) {
  SpecLibrary library;
  Table table({"TYPE", "KIND", "DOC"});
  JsonValue list = JsonValue::array();
  for (const LibraryEntry& entry : library.entries()) {
    const std::string kind(kind_text(entry.kind));
    table.add({entry.type, kind, doc_of(entry.text)});
    JsonValue row = JsonValue::object();
    row.add("type", JsonValue::of(entry.type));
    row.add("kind", JsonValue::of(kind));
    row.add("doc", JsonValue::of(doc_of(entry.text)));
    list.items.push_back(std::move(row));
  }
  console.result(console.json() ? to_json(list) : table.text());
  return 0;
}

}  // namespace lathe
