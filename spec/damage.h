#pragma once
// What the mistakes of reading a spec leave unknown, so that the rest can still
// be checked: a message about something that stands in a damaged part, or about
// a name that is declared there, would be a consequence and not a mistake.

#include <set>
#include <string>
#include <vector>

#include "spec/diagnostic.h"
#include "spec/yaml.h"

namespace lathe {

struct Damage {
  bool any = false;
  bool whole = false;             // so much that nothing else can be said
  std::vector<SourceSpan> parts;  // entries and items with mistakes
  std::set<std::string> names;    // that they declare or may declare

  // True if the message follows from the damage.
  bool explains(const Diagnostic& diagnostic) const;
};

// `mistakes` are those of reading the file that `root` is the tree of.
Damage damage_of(const YamlNode* root, const std::vector<Diagnostic>& mistakes);

}  // namespace lathe
