// Canonical YAML of a tree: block style, short collections in flow style,
// quotes only where the text needs them.
#include "spec/text.h"
#include "spec/yaml.h"

namespace lathe {
namespace {

constexpr size_t kLineWidth = 80;
constexpr size_t kIndent = 2;

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// True if YAML would not read the plain text as this text.
bool needs_quotes(std::string_view text, bool flow) {
  if (text.empty() || text == "~") return true;
  constexpr std::string_view kSpecial = "&*!|>'\"%@`#,[]{}";
  char first = text.front();
  if (contains(kSpecial, std::string_view(&first, 1))) return true;
  bool indicator = first == '-' || first == '?' || first == ':';
  if (indicator && (text.size() == 1 || text[1] == ' ')) return true;
  if (flow && indicator) return true;
  if (text.substr(0, 3) == "---" || text.substr(0, 3) == "...") return true;
  if (first == ' ' || text.back() == ' ' || text.back() == ':') return true;
  if (contains(text, ": ") || contains(text, " #")) return true;
  for (size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7F) return true;
    if (flow && contains(",[]{}:", std::string_view(&text[i], 1))) return true;
    // As in `int?` it is plain; elsewhere it may look like a key's.
    bool glued = i > 0 && is_identifier(text.substr(i - 1, 1));
    if (flow && text[i] == '?' && !glued) return true;
  }
  return false;
}

std::string double_quoted(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string flow_text(const YamlNode& node) {
  std::vector<std::string> parts;
  switch (node.kind) {
    case YamlKind::kScalar:
      return yaml_scalar(node.text, true);
    case YamlKind::kSequence:
      for (const YamlRef& item : node.items) {
        // An empty item would vanish.
        parts.push_back(item->is_empty() ? "~" : flow_text(*item));
      }
      return cat({"[", join(parts, ", "), "]"});
    case YamlKind::kMapping:
      for (const YamlEntry& entry : node.entries) {
        std::string value =
            entry.value->is_empty() ? "" : " " + flow_text(*entry.value);
        parts.push_back(cat({yaml_scalar(entry.key, true), ":", value}));
      }
      return cat({"{", join(parts, ", "), "}"});
  }
  return "";
}

// A text of lines fit for `|`: no blank at a line's end, no leading blank.
bool fits_block(std::string_view text) {
  if (!contains(text, "\n") || text.front() == ' ' || text.front() == '\n') {
    return false;
  }
  if (contains(text, " \n") || contains(text, "\t\n") || text.back() == ' ') {
    return false;
  }
  if (text.size() > 1 && text.substr(text.size() - 2) == "\n\n") return false;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F) return false;
  }
  return true;
}

class Writer {
 public:
  // The node behind `key:` or `-`, whose text ends at column `column`.
  void value(const YamlNode& node, size_t indent, size_t column) {
    if (node.is_scalar()) return scalar(node, indent);
    std::string flow = flow_text(node);
    bool small = node.entries.empty() && node.items.empty();
    if (small || column + 1 + flow.size() <= kLineWidth) {
      out_ += " " + flow + "\n";
      return;
    }
    out_ += "\n";
    if (node.is_sequence()) return sequence(node, indent + kIndent);
    mapping(node, indent + kIndent);
  }

  void mapping(const YamlNode& node, size_t indent) {
    for (const YamlEntry& entry : node.entries) {
      std::string key =
          cat({std::string(indent, ' '), yaml_scalar(entry.key), ":"});
      out_ += key;
      value(*entry.value, indent, key.size());
    }
  }

  void sequence(const YamlNode& node, size_t indent) {
    for (const YamlRef& item : node.items) {
      out_ += std::string(indent, ' ') + "-";
      value(*item, indent, indent + 1);
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void scalar(const YamlNode& node, size_t indent) {
    if (node.is_empty()) {
      out_ += "\n";
      return;
    }
    if (!fits_block(node.text)) {
      out_ += " " + yaml_scalar(node.text) + "\n";
      return;
    }
    std::string_view text = node.text;
    bool ends = text.back() == '\n';
    if (ends) text.remove_suffix(1);
    out_ += ends ? " |\n" : " |-\n";
    for (const std::string& line : split(text, '\n')) {
      if (!line.empty()) out_ += std::string(indent + kIndent, ' ') + line;
      out_ += "\n";
    }
  }

  std::string out_;
};

}  // namespace

std::string yaml_scalar(std::string_view text, bool flow) {
  if (!needs_quotes(text, flow)) return std::string(text);
  bool escapes = contains(text, "\"") || contains(text, "\\");
  bool control = false;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) control = true;
  }
  if (escapes && !control && !contains(text, "'")) {
    return cat({"'", text, "'"});
  }
  return double_quoted(text);
}

std::string to_yaml(const YamlNode& node) {
  Writer writer;
  if (node.is_scalar()) return yaml_scalar(node.text) + "\n";
  if (node.entries.empty() && node.items.empty()) return flow_text(node) + "\n";
  if (node.is_sequence()) {
    writer.sequence(node, 0);
  } else {
    writer.mapping(node, 0);
  }
  return writer.take();
}

}  // namespace lathe
