#pragma once
// Reading the JSON of a `quantization_config`, and writing what it says in the
// fields of the language's structs. What all dialects share.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "interpreter/config_value.h"
#include "interpreter/module_pattern.h"
#include "interpreter/quantization_dialects.h"

namespace lathe {

using PatternKind = ModulePattern::Kind;

// The value at a key, or null if it is missing or `null`.
const ConfigValue* config_member(const ConfigValue& map, std::string_view key);

// The text at a key, or nothing if there is none.
std::string config_text(const ConfigValue& map, std::string_view key);

// A setting that there are no layers for: L0508.
[[noreturn]] void refuse_config(const ConfigValue& value, std::string_view key,
                                const std::string& help);

// One of `choices`, or `fallback` if the key is missing; L0508 otherwise.
std::string config_choice(const ConfigValue& map, std::string_view key,
                          const std::vector<std::string>& choices,
                          std::string fallback = "");

// True or false at a key; `fallback` if it is missing.
bool config_flag(const ConfigValue& map, std::string_view key, bool fallback);

// Lists of modules under any of the keys that programs use for them.
std::vector<ModulePattern> config_modules(const ConfigValue& section,
                                          const std::vector<std::string>& keys,
                                          PatternKind kind);

// A struct's fields in the making, all at one place of config.json.
class StructFields {
 public:
  explicit StructFields(const SourceSpan& span) { map_.span = span; }

  StructFields& text(const char* name, std::string value);
  StructFields& block(int64_t rows, int64_t columns);
  StructFields& add(const char* name, ConfigValue value);
  ConfigValue done();

 private:
  ConfigValue map_;
  ConfigMap members_;
};

// The dialects that pack integers into words (packed_dialects.cpp).
QuantizationDescription read_gptq(const ConfigValue& section);
QuantizationDescription read_awq(const ConfigValue& section);

}  // namespace lathe
