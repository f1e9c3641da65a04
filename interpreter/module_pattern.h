#pragma once
// Which layers a `quantization_config` means: each dialect has its own way of
// naming modules in its lists of targets and of modules left out.

#include <string>
#include <string_view>
#include <vector>

#include "spec/source.h"

namespace lathe {

struct ModulePattern {
  enum class Kind : uint8_t {
    kName,    // the module's path, or the name of its class
    kRegex,   // a regular expression for the beginning of the path
    kModule,  // a regular expression for the path up to a dot, or its end
    kGlob,    // `*` stands for any text; `a.*` for all of `a` as well
  };
  Kind kind = Kind::kName;
  std::string text;
  SourceSpan span;  // in config.json
};

// True if the pattern means the module at `path`, a layer of class `type`
// ("Linear"). Throws SpecError for a regular expression that is none.
bool matches(const ModulePattern& pattern, const std::string& path,
             std::string_view type);

// True if one of the patterns does.
bool matches_any(const std::vector<ModulePattern>& patterns,
                 const std::string& path, std::string_view type);

}  // namespace lathe
