// The tree of runtime/json.h: made by code, and written as text.
#include <charconv>
#include <cmath>

#include "runtime/json.h"
#include "spec/check.h"

namespace lathe {
namespace {

constexpr size_t kLineWidth = 78;

std::string flat(const JsonValue& value);

std::string flat_items(const JsonValue& value) {
  std::string out;
  for (const JsonValue& item : value.items) {
    out += (out.empty() ? "" : ", ") + flat(item);
  }
  for (const JsonMember& member : value.members) {
    out += out.empty() ? "" : ", ";
    out += json_string(member.name) + ": " + flat(member.value);
  }
  return out;
}

// On one line.
std::string flat(const JsonValue& value) {
  switch (value.kind) {
    case JsonKind::kNull:
      return "null";
    case JsonKind::kBool:
      return value.boolean ? "true" : "false";
    case JsonKind::kInt:
      return std::to_string(value.integer);
    case JsonKind::kFloat:
      return json_number(value.number);
    case JsonKind::kString:
      return json_string(value.text);
    case JsonKind::kArray:
      return "[" + flat_items(value) + "]";
    case JsonKind::kObject:
      return "{" + flat_items(value) + "}";
  }
  return "";
}

// Objects within objects are always broken, so that a reader sees the
// structure; lists and plain objects only where they are too long.
bool fits(const JsonValue& value, const std::string& line, size_t indent) {
  for (const JsonMember& member : value.members) {
    if (!member.value.members.empty()) return false;
  }
  return indent + line.size() <= kLineWidth;
}

void append(std::string& out, const JsonValue& value, size_t indent) {
  if (value.items.empty() && value.members.empty()) {
    out += flat(value);
    return;
  }
  std::string line = flat(value);
  if (fits(value, line, indent)) {
    out += line;
    return;
  }
  const bool is_array = value.is(JsonKind::kArray);
  const std::string margin(indent + 2, ' ');
  out += is_array ? "[" : "{";
  const char* separator = "\n";
  for (const JsonValue& item : value.items) {
    out += separator + margin;
    append(out, item, indent + 2);
    separator = ",\n";
  }
  for (const JsonMember& member : value.members) {
    out += separator + margin + json_string(member.name) + ": ";
    append(out, member.value, indent + 2);
    separator = ",\n";
  }
  out += "\n" + std::string(indent, ' ') + (is_array ? "]" : "}");
}

}  // namespace

JsonValue JsonValue::of(bool value) {
  JsonValue out;
  out.kind = JsonKind::kBool;
  out.boolean = value;
  return out;
}

JsonValue JsonValue::of(int64_t value) {
  JsonValue out;
  out.kind = JsonKind::kInt;
  out.integer = value;
  out.number = static_cast<double>(value);
  return out;
}

JsonValue JsonValue::of(double value) {
  JsonValue out;
  out.kind = JsonKind::kFloat;
  out.number = value;
  return out;
}

JsonValue JsonValue::of(std::string value) {
  JsonValue out;
  out.kind = JsonKind::kString;
  out.text = std::move(value);
  return out;
}

JsonValue JsonValue::array() {
  JsonValue out;
  out.kind = JsonKind::kArray;
  return out;
}

JsonValue JsonValue::object() {
  JsonValue out;
  out.kind = JsonKind::kObject;
  return out;
}

const JsonValue* JsonValue::find(std::string_view name) const {
  for (const JsonMember& member : members) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

void JsonValue::add(std::string name, JsonValue value) {
  LATHE_CHECK(is(JsonKind::kObject) && find(name) == nullptr, name);
  members.push_back({std::move(name), std::move(value)});
}

SourceSpan span_of(const JsonValue& value, const SourceRef& source) {
  return {source, value.begin, value.end};
}

std::string_view kind_name(JsonKind kind) {
  switch (kind) {
    case JsonKind::kNull:
      return "null";
    case JsonKind::kBool:
      return "true or false";
    case JsonKind::kInt:
      return "an integer";
    case JsonKind::kFloat:
      return "a number";
    case JsonKind::kString:
      return "a string";
    case JsonKind::kArray:
      return "a list";
    case JsonKind::kObject:
      return "an object";
  }
  return "";
}

std::string to_json(const JsonValue& value) {
  std::string out;
  append(out, value, 0);
  return out + "\n";
}

std::string json_string(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string json_number(double value) {
  if (std::isnan(value)) return "\"NaN\"";
  if (std::isinf(value)) return value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  char digits[32];
  auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  std::string out(digits, end);
  // A float stays one when read back.
  if (out.find_first_of(".e") == std::string::npos) out += ".0";
  return out;
}

}  // namespace lathe
