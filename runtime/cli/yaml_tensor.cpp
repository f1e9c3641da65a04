#include "runtime/cli/yaml_tensor.h"

#include <charconv>

#include "runtime/json.h"
#include "runtime/json_tensor.h"
#include "spec/diagnostic.h"

namespace lathe {
namespace {

// All of `text` as a number, or false.
template <typename Number>
bool parses(const std::string& text, Number& out) {
  const char* last = text.data() + text.size();
  auto [end, error] = std::from_chars(text.data(), last, out);
  return error == std::errc() && end == last;
}

JsonValue scalar(const YamlNode& node) {
  const std::string& text = node.text;
  int64_t integer = 0;
  double number = 0;
  if (text == "true" || text == "false") return JsonValue::of(text == "true");
  if (parses(text, integer)) return JsonValue::of(integer);
  // Reads `nan`, `inf` and `-inf` too.
  if (parses(text, number)) return JsonValue::of(number);
  fail("L0205", node.span,
       cat({backquoted(text), " is not a number, true or false"}));
}

JsonValue to_json_tree(const YamlNode& node) {
  JsonValue out;
  if (node.is_scalar()) {
    out = scalar(node);
  } else if (node.is_sequence()) {
    out = JsonValue::array();
    for (const YamlRef& item : node.items) {
      out.items.push_back(to_json_tree(*item));
    }
  } else {
    fail("L0205", node.span, "a mapping stands where a list is wanted");
  }
  out.begin = node.span.begin;
  out.end = node.span.end;
  return out;
}

}  // namespace

Tensor tensor_from_yaml(const YamlNode& node, DType dtype) {
  return tensor_from_json(to_json_tree(node), dtype, node.span.file);
}

}  // namespace lathe
