#include "interpreter/dialect_reading.h"

#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {

const ConfigValue* config_member(const ConfigValue& map, std::string_view key) {
  const ConfigValue* value = find_config(map, key);
  const bool null = value != nullptr &&
                    std::holds_alternative<std::monostate>(value->value);
  return null ? nullptr : value;
}

std::string config_text(const ConfigValue& map, std::string_view key) {
  const ConfigValue* value = config_member(map, key);
  const std::string* text =
      value == nullptr ? nullptr : std::get_if<std::string>(&value->value);
  return text == nullptr ? "" : *text;
}

void refuse_config(const ConfigValue& value, std::string_view key,
                              const std::string& help) {
  fail("L0508", value.span,
       cat({"lathe has no layers for `", key, ": ", to_string(value), "`"}),
       help);
}

std::string config_choice(const ConfigValue& map, std::string_view key,
                      const std::vector<std::string>& choices,
                      std::string fallback) {
  const std::string text = config_text(map, key);
  const ConfigValue* value = config_member(map, key);
  if (value == nullptr && !fallback.empty()) return fallback;
  for (const std::string& choice : choices) {
    if (text == choice) return text;
  }
  const std::string help = cat({"`", key, "` is one of ",
                                join(choices, ", ")});
  if (value != nullptr) refuse_config(*value, key, help);
  fail("L0508", map.span, cat({"`", key, "` is missing"}), help);
}

std::vector<ModulePattern> config_modules(
    const ConfigValue& section, const std::vector<std::string>& keys,
    ModulePattern::Kind kind) {
  std::vector<ModulePattern> patterns;
  for (const std::string& key : keys) {
    const ConfigValue* list = config_member(section, key);
    if (list == nullptr) continue;
    const ConfigList* items = std::get_if<ConfigList>(&list->value);
    if (items == nullptr) {
      fail("L0508", list->span, cat({"`", key, "` wants a list of modules"}));
    }
    for (const ConfigValue& item : *items) {
      const std::string* text = std::get_if<std::string>(&item.value);
      if (text == nullptr) {
        fail("L0508", item.span, cat({"`", key, "` wants names of modules"}));
      }
      const bool regex = kind == ModulePattern::Kind::kName && text->rfind("re:", 0) == 0;
      patterns.push_back({regex ? ModulePattern::Kind::kRegex : kind,
                          regex ? text->substr(3) : *text, item.span});
    }
  }
  return patterns;
}

bool config_flag(const ConfigValue& map, std::string_view key, bool fallback) {
  const ConfigValue* value = config_member(map, key);
  if (value == nullptr) return fallback;
  if (const bool* flag = std::get_if<bool>(&value->value)) return *flag;
  refuse_config(*value, key, cat({"`", key, "` is true or false"}));
}

StructFields& StructFields::text(const char* name, std::string value) {
  return add(name, {std::move(value), map_.span});
}

StructFields& StructFields::block(int64_t rows, int64_t columns) {
  return add("block_size",
             {ConfigList{{rows, map_.span}, {columns, map_.span}},
              map_.span});
}

StructFields& StructFields::add(const char* name, ConfigValue value) {
  members_.push_back({name, std::move(value)});
  return *this;
}

ConfigValue StructFields::done() {
  map_.value = std::move(members_);
  return std::move(map_);
}

}  // namespace lathe
