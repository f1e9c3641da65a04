#include "spec/spec_reader.h"

#include <algorithm>

#include "spec/suggest.h"

namespace lathe {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c >= '0' && c <= '9';
  });
}

bool follows(std::string_view text, NameRule rule) {
  if (rule == NameRule::kIdentifier) return is_identifier(text);
  for (const std::string& part : split(text, '.')) {
    bool number = rule == NameRule::kPath && is_number(part);
    if (!number && !is_identifier(part)) return false;
  }
  return true;
}

std::string rule_help(NameRule rule) {
  switch (rule) {
    case NameRule::kIdentifier:
      return "names are letters, digits and `_`";
    case NameRule::kPath:
      return "names are letters, digits and `_`, with dots between parts";
    case NameRule::kType:
      return "types are names such as `RMSNorm` or, of an import, `my.Block`";
  }
  return "";
}

}  // namespace

bool SpecReader::expect(const YamlNode& node, YamlKind kind,
                        const std::string& what, const std::string& form) {
  if (node.kind == kind && !(kind == YamlKind::kScalar && node.is_empty())) {
    return true;
  }
  SourceSpan place = node.span;
  if (!node.is_scalar()) {
    // The first line is enough to show where it begins.
    std::string_view text = place.text();
    place.end = place.begin + static_cast<uint32_t>(std::min(
                                  text.size(), text.find_first_of("\r\n")));
  }
  error("L0205", place,
        node.is_empty() ? cat({what, " is missing"})
                        : cat({what, " is ", kind_name(kind), ", not ",
                               kind_name(node.kind)}),
        form.empty() ? "" : cat({"write `", form, "`"}));
  return false;
}

bool SpecReader::check_keys(const YamlNode& mapping, const std::string& what,
                            const std::vector<std::string>& known) {
  std::vector<const YamlEntry*> unknown;
  for (const YamlEntry& entry : mapping.entries) {
    if (is_user_key(entry.key)) continue;
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) {
      continue;
    }
    unknown.push_back(&entry);
  }
  // If all are, the mapping is one mistake: it was meant for something else.
  const bool strange =
      unknown.size() > 1 && unknown.size() == mapping.entries.size();
  if (strange) {
    std::vector<std::string> names;
    for (const YamlEntry* entry : unknown)
      names.push_back(backquoted(entry->key));
    const std::string last = names.back();
    names.pop_back();
    error("L0203", unknown[0]->key_span,
          cat({what, " has no keys ", join(names, ", "), " and ", last}),
          cat({"the keys are: ", join(known, ", ")}));
    return false;
  }
  for (const YamlEntry* at : unknown) {
    const YamlEntry& entry = *at;
    std::string help = did_you_mean(entry.key, known);
    if (help.empty()) help = cat({"the keys are: ", join(known, ", ")});
    bool text = entry.value->is_empty() && !is_identifier(entry.key);
    if (mapping.flow && text) {
      help = "put the text before it in quotes: inside { } a comma ends it";
    }
    error("L0203", entry.key_span,
          cat({what, " has no key ", backquoted(entry.key)}), help);
  }
  return unknown.empty();
}

YamlRef SpecReader::get(const YamlNode& mapping, std::string_view key) {
  const YamlEntry* entry = mapping.find(key);
  return entry == nullptr ? nullptr : entry->value;
}

std::string SpecReader::text(const YamlNode& mapping, std::string_view key,
                             const std::string& what) {
  YamlRef node = get(mapping, key);
  if (node == nullptr || !expect(*node, YamlKind::kScalar, what)) return "";
  return node->text;
}

ExprRef SpecReader::expression(const YamlNode& mapping, std::string_view key) {
  YamlRef node = get(mapping, key);
  return node == nullptr ? nullptr : parse_expression(*node, diagnostics_);
}

bool SpecReader::check_name(const Name& name, NameRule rule,
                            const std::string& role) {
  if (!follows(name.text, rule)) {
    error("L0302", name.span,
          cat({backquoted(name.text), " cannot be the name of ", role}),
          rule_help(rule));
    return false;
  }
  if (is_reserved(name.text)) {
    error("L0303", name.span,
          cat({backquoted(name.text),
               " is a reserved word and cannot be the name "
               "of ",
               role}));
    return false;
  }
  return true;
}

std::optional<Name> SpecReader::scalar_name(const YamlNode& node,
                                            const std::string& what) {
  if (!expect(node, YamlKind::kScalar, what)) return std::nullopt;
  return Name{node.text, node.span};
}

std::vector<Name> SpecReader::names(const YamlNode& node,
                                    const std::string& what) {
  std::vector<Name> out;
  if (node.is_scalar()) {
    if (auto name = scalar_name(node, what)) out.push_back(*name);
    return out;
  }
  if (!expect(node, YamlKind::kSequence, what)) return out;
  for (const YamlRef& item : node.items) {
    if (auto name = scalar_name(*item, cat({"an item of ", what}))) {
      out.push_back(*name);
    }
  }
  return out;
}

void SpecReader::entries(
    const YamlNode& section, const std::string& section_name, NameRule rule,
    const std::string& role,
    const std::function<void(const Name&, const YamlRef&)>& read) {
  if (section.is_empty()) return;
  if (!expect(section, YamlKind::kMapping, section_name, "name: ...")) return;
  for (const YamlEntry& entry : section.entries) {
    if (is_user_key(entry.key)) continue;
    Name name = {entry.key, entry.key_span};
    if (check_name(name, rule, role)) read(name, entry.value);
  }
}

std::vector<ValueDecl> SpecReader::values(const YamlNode& section,
                                          const std::string& section_name,
                                          NameRule rule,
                                          const std::string& role) {
  std::vector<ValueDecl> out;
  entries(section, section_name, rule, role,
          [&out](const Name& name, const YamlRef& value) {
            out.push_back({name, value});
          });
  return out;
}

}  // namespace lathe
