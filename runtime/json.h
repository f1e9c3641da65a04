#pragma once
// JSON with places, in a small ordered tree of our own: config.json, headers
// of safetensors files, tensors written as lists, and what --json prints.
// runtime/json.cpp is the only file that knows the JSON library.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spec/source.h"

namespace lathe {

enum class JsonKind : uint8_t {
  kNull,
  kBool,
  kInt,    // fits int64
  kFloat,  // any other number
  kString,
  kArray,
  kObject,
};

struct JsonMember;

// A value with the range of bytes it was read from (0, 0 when made by code).
struct JsonValue {
  JsonKind kind = JsonKind::kNull;
  bool boolean = false;
  uint32_t begin = 0, end = 0;
  int64_t integer = 0;
  double number = 0;  // also set for kInt
  std::string text;
  std::vector<JsonValue> items;
  std::vector<JsonMember> members;  // in file order, names are unique

  JsonValue() = default;
  static JsonValue of(bool value);
  static JsonValue of(int64_t value);
  static JsonValue of(double value);
  static JsonValue of(std::string value);
  static JsonValue array();
  static JsonValue object();

  bool is(JsonKind k) const { return kind == k; }
  // The member's value, or null.
  const JsonValue* find(std::string_view name) const;
  // Appends a member. Requires: an object without a member of that name.
  void add(std::string name, JsonValue value);
};

struct JsonMember {
  std::string name;
  JsonValue value;
};

// Limits on what is read; more is an error, never a crash.
struct JsonLimits {
  int depth = 64;
  int64_t values = 20'000'000;
};

// Reads one JSON text. Throws SpecError L0514 with the place of the mistake;
// duplicate names are mistakes.
JsonValue parse_json(const SourceRef& source, const JsonLimits& limits = {});

// The same for text without a file, such as the header of another format; the
// message then begins with `what`.
JsonValue parse_json(std::string_view text, const std::string& what,
                     const JsonLimits& limits = {});

// Where a value stands. Requires: it was read from `source`.
SourceSpan span_of(const JsonValue& value, const SourceRef& source);

// "a string", "a list", ... for messages.
std::string_view kind_name(JsonKind kind);

// JSON text, indented; what fits on a line stays on one. Numbers are the
// shortest text that reads back equal; infinities and NaN, which JSON lacks,
// are the strings "Infinity", "-Infinity" and "NaN".
std::string to_json(const JsonValue& value);

// The text as a JSON string, with its quotes.
std::string json_string(std::string_view text);

// The number as to_json writes it.
std::string json_number(double value);

}  // namespace lathe
