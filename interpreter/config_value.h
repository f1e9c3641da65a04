#pragma once
// A config.json as a plain tree of values that know where they stand in the
// file. The runtime reads the file; elaboration takes params from it
// (`from: [rope_parameters.rope_theta, rope_theta]`).

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "spec/source.h"

namespace lathe {

struct ConfigMember;
struct ConfigValue;
using ConfigList = std::vector<ConfigValue>;
using ConfigMap = std::vector<ConfigMember>;

struct ConfigValue {
  // monostate: null
  std::variant<std::monostate, bool, int64_t, double, std::string, ConfigList,
               ConfigMap>
      value;
  SourceSpan span;
};

struct ConfigMember {
  std::string name;
  ConfigValue value;
};

// The value at a dotted key (`rope_parameters.rope_theta`, `shape.0` for the
// first item of a list), or null if a part of the way is missing. A name that
// contains the dots itself wins.
const ConfigValue* find_config(const ConfigValue& root, std::string_view key);

// All dotted keys, for messages.
std::vector<std::string> config_keys(const ConfigValue& root);

// JSON on one line, long values shortened.
std::string to_string(const ConfigValue& value);

}  // namespace lathe
