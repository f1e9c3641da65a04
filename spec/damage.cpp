#include "spec/damage.h"

#include <algorithm>
#include <iterator>

#include "spec/text.h"

namespace lathe {
namespace {

// Sections whose entries others use by name; `body` assigns them.
constexpr std::string_view kDeclaring[] = {"import",  "params", "values",
                                           "inputs",  "layers", "weights",
                                           "state",   "body",   "outputs"};
// What the others need not name: presets, tests and the like.
constexpr std::string_view kOthers[] = {
    "lathe", "model",  "layer",         "struct", "doc",   "aliases",
    "architectures",   "config", "defaults",      "presets", "assert",
    "kernel", "checkpoint", "test"};

template <size_t N>
bool is_among(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) !=
         std::end(names);
}

bool is_name_part(char c) { return is_identifier(std::string("_") + c); }

void add_words(std::string_view text, std::set<std::string>& words) {
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    while (end < text.size() && is_name_part(text[end])) ++end;
    const std::string word(text.substr(i, end - i));
    if (is_identifier(word)) words.insert(word);
    i = std::max(end, i + 1);
  }
}

SourceSpan whole_of(const YamlEntry& entry) {
  SourceSpan span = entry.key_span;
  span.end = std::max(span.end, entry.value->span.end);
  return span;
}

bool touches(const SourceSpan& a, const SourceSpan& b) {
  return a.known() && b.known() && a.file == b.file && a.begin <= b.end &&
         b.begin <= a.end;
}

// The entry or item of a section that holds the place; null spans if none.
SourceSpan part_at(const YamlNode& section, const SourceSpan& place) {
  for (const YamlEntry& entry : section.entries) {
    if (touches(whole_of(entry), place)) return whole_of(entry);
  }
  for (const YamlRef& item : section.items) {
    if (touches(item->span, place)) return item->span;
  }
  return {};
}

void add_part(const YamlEntry& section, const SourceSpan& place,
              Damage& damage) {
  const bool declares = is_among(kDeclaring, section.key);
  const bool known = declares || is_among(kOthers, section.key);
  SourceSpan part = known ? part_at(*section.value, place) : SourceSpan{};
  const bool one_item = part.known();
  if (!one_item) part = whole_of(section);
  damage.parts.push_back(part);
  if (!declares && known) return;
  std::string_view text = part.text();
  // Of an assignment only the left side matters to others.
  const bool assigns =
      section.key == "body" && one_item && text.front() != '{';
  if (assigns) text = text.substr(0, text.find('='));
  add_words(text, damage.names);
}

bool says_what_it_is(const YamlNode& root) {
  return root.find("model") != nullptr || root.find("layer") != nullptr ||
         root.find("struct") != nullptr;
}

bool is_of_other_version(const YamlNode& root) {
  const YamlEntry* version = root.find("lathe");
  return version != nullptr && version->value->text != "1";
}

// True if the text mentions one of the names in quotes.
bool mentions(const std::string& text, const std::set<std::string>& names) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '`' && text[i] != '\'') continue;
    size_t end = i + 1;
    while (end < text.size() && is_name_part(text[end])) ++end;
    if (names.count(text.substr(i + 1, end - i - 1)) != 0) return true;
  }
  return false;
}

}  // namespace

bool Damage::explains(const Diagnostic& diagnostic) const {
  // What a model computes may stand in a damaged part.
  if (diagnostic.code == "L0204") return true;
  for (const SourceSpan& part : parts) {
    if (touches(part, diagnostic.span)) return true;
  }
  const std::string quoted_text = cat({"`", diagnostic.span.text()});
  return mentions(diagnostic.message, names) || mentions(quoted_text, names);
}

Damage damage_of(const YamlNode* root,
                 const std::vector<Diagnostic>& mistakes) {
  Damage damage;
  for (const Diagnostic& mistake : mistakes) {
    if (mistake.severity != Severity::kError) continue;
    damage.any = true;
    damage.whole |= root == nullptr || !root->is_mapping() ||
                    mistake.code == "L0207" || is_of_other_version(*root) ||
                    !says_what_it_is(*root);
    if (damage.whole) continue;
    for (const YamlEntry& section : root->entries) {
      if (!touches(whole_of(section), mistake.span)) continue;
      add_part(section, mistake.span, damage);
    }
  }
  return damage;
}

}  // namespace lathe
