#include "interpreter/config_value.h"

#include <algorithm>

#include "interpreter/datum.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Places that a key may name: sizes of a shape, not items of a vocabulary.
constexpr size_t kMostPlaces = 16;

// The member of a map, or the item of a list whose place `key` is.
const ConfigValue* entry_of(const ConfigValue& map, std::string_view key) {
  if (const ConfigList* list = std::get_if<ConfigList>(&map.value)) {
    const size_t most = std::min<size_t>(list->size(), kMostPlaces);
    for (size_t i = 0; i < most; ++i) {
      if (std::to_string(i) == key) return &(*list)[i];
    }
    return nullptr;
  }
  const ConfigMap* entries = std::get_if<ConfigMap>(&map.value);
  if (entries == nullptr) return nullptr;
  for (const auto& [name, value] : *entries) {
    if (name == key) return &value;
  }
  return nullptr;
}

void collect_keys(const ConfigValue& value, const std::string& prefix,
                  std::vector<std::string>& keys) {
  const ConfigMap* entries = std::get_if<ConfigMap>(&value.value);
  if (entries == nullptr) return;
  for (const auto& [name, entry] : *entries) {
    keys.push_back(prefix + name);
    collect_keys(entry, prefix + name + ".", keys);
  }
}

std::string map_text(const ConfigMap& map) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : map) {
    parts.push_back(cat({"\"", name, "\": ", to_string(value)}));
  }
  return "{" + join(parts, ", ") + "}";
}

std::string list_text(const ConfigList& list) {
  std::vector<std::string> parts;
  for (const ConfigValue& item : list) parts.push_back(to_string(item));
  return "[" + join(parts, ", ") + "]";
}

std::string full_text(const ConfigValue& value) {
  struct Visitor {
    std::string operator()(std::monostate) const { return "null"; }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return float_text(v); }
    std::string operator()(const std::string& v) const {
      return "\"" + v + "\"";
    }
    std::string operator()(const ConfigList& v) const { return list_text(v); }
    std::string operator()(const ConfigMap& v) const { return map_text(v); }
  };
  return std::visit(Visitor{}, value.value);
}

}  // namespace

const ConfigValue* find_config(const ConfigValue& root, std::string_view key) {
  if (const ConfigValue* whole = entry_of(root, key)) return whole;
  // The names of members may contain dots themselves.
  for (size_t dot = key.find('.'); dot != std::string_view::npos;
       dot = key.find('.', dot + 1)) {
    const ConfigValue* inner = entry_of(root, key.substr(0, dot));
    if (inner == nullptr) continue;
    const ConfigValue* found = find_config(*inner, key.substr(dot + 1));
    if (found != nullptr) return found;
  }
  return nullptr;
}

std::vector<std::string> config_keys(const ConfigValue& root) {
  std::vector<std::string> keys;
  collect_keys(root, "", keys);
  return keys;
}

std::string to_string(const ConfigValue& value) {
  constexpr size_t kLongest = 60;
  std::string text = full_text(value);
  if (text.size() > kLongest) text.replace(kLongest - 3, text.npos, "...");
  return text;
}

}  // namespace lathe
