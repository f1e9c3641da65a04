#pragma once
// A YAML value on one line, in flow style: for help texts, and as the text of
// an argument (`-p heads=[1, 2]`).

#include <string>

#include "spec/yaml.h"

namespace lathe {

// Requires: not null.
std::string flow_text(const YamlRef& node);

}  // namespace lathe
