#include "runtime/cli/flow_text.h"

namespace lathe {

std::string flow_text(const YamlRef& node) {
  if (node->is_scalar()) return yaml_scalar(node->text, true);
  std::string out;
  if (node->is_sequence()) {
    for (const YamlRef& item : node->items) {
      out += (out.empty() ? "" : ", ") + flow_text(item);
    }
    return "[" + out + "]";
  }
  for (const YamlEntry& entry : node->entries) {
    out += (out.empty() ? "" : ", ") + entry.key + ": ";
    out += flow_text(entry.value);
  }
  return "{" + out + "}";
}

}  // namespace lathe
