#pragma once
// Programs as JSON: archives for runtime/pack/program_fields.h. Sizes are
// numbers, or lists of terms [factor, "T", ["//", a, b], ...]; a place is
// [file, begin, end]; enumerations are words.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "runtime/json.h"
#include "runtime/pack/program_fields.h"

namespace lathe {

// What a program refers to and JSON holds elsewhere.
struct PackTables {
  std::vector<SourceRef> sources;
  std::vector<std::shared_ptr<const Tensor>> constants;

  // The number of an entry, which is added if it is new.
  int64_t source(const SourceRef& file);
  int64_t constant(const std::shared_ptr<const Tensor>& tensor);
};

class JsonWriter {
 public:
  template <typename T>
  using Ref = const T&;

  explicit JsonWriter(PackTables& tables) : tables_(tables) {}

  template <typename T>
  void operator()(const char* name, const T& value) {
    object_.add(name, json(value));
  }

  JsonValue json(int value) { return JsonValue::of(int64_t{value}); }
  JsonValue json(int64_t value) { return JsonValue::of(value); }
  JsonValue json(double value) { return JsonValue::of(value); }
  JsonValue json(bool value) { return JsonValue::of(value); }
  JsonValue json(const std::string& value) { return JsonValue::of(value); }
  JsonValue json(DType value);
  JsonValue json(BufferRole value);
  JsonValue json(Initializer::Kind value);
  JsonValue json(ProductScale value);
  JsonValue json(const Dim& value);
  JsonValue json(const SourceSpan& value);
  JsonValue json(const std::shared_ptr<const Tensor>& value);
  template <typename T>
  JsonValue json(const std::optional<T>& value) {
    return value ? json(*value) : JsonValue();
  }
  template <typename T>
  JsonValue json(const std::vector<T>& list) {
    JsonValue out = JsonValue::array();
    for (const T& item : list) out.items.push_back(json(item));
    return out;
  }
  template <typename T>
  JsonValue json(const T& value) {
    JsonWriter inner(tables_);
    fields<JsonWriter>(inner, value);
    return std::move(inner.object_);
  }

 private:
  PackTables& tables_;
  JsonValue object_ = JsonValue::object();
};

// Throws PackDamage for what does not fit.
class JsonReader {
 public:
  template <typename T>
  using Ref = T&;

  JsonReader(const PackTables& tables, std::string where)
      : tables_(tables), where_(std::move(where)) {}

  template <typename T>
  void operator()(const char* name, T& value) {
    const JsonValue* found = object_->find(name);
    JsonReader inner(tables_, where_ + "." + name);
    if (found == nullptr) inner.fail("is missing");
    inner.read(*found, value);
  }

  void read(const JsonValue& json, int& value);
  void read(const JsonValue& json, int64_t& value);
  void read(const JsonValue& json, double& value);
  void read(const JsonValue& json, bool& value);
  void read(const JsonValue& json, std::string& value);
  void read(const JsonValue& json, DType& value);
  void read(const JsonValue& json, BufferRole& value);
  void read(const JsonValue& json, Initializer::Kind& value);
  void read(const JsonValue& json, ProductScale& value);
  void read(const JsonValue& json, Dim& value);
  void read(const JsonValue& json, SourceSpan& value);
  void read(const JsonValue& json, std::shared_ptr<const Tensor>& value);
  template <typename T>
  void read(const JsonValue& json, std::optional<T>& value) {
    if (json.is(JsonKind::kNull)) return;
    read(json, value.emplace());
  }
  template <typename T>
  void read(const JsonValue& json, std::vector<T>& list) {
    require(json, JsonKind::kArray);
    for (size_t i = 0; i < json.items.size(); ++i) {
      JsonReader inner(tables_, where_ + "[" + std::to_string(i) + "]");
      inner.read(json.items[i], list.emplace_back());
    }
  }
  template <typename T>
  void read(const JsonValue& json, T& value) {
    require(json, JsonKind::kObject);
    object_ = &json;
    fields<JsonReader>(*this, value);
  }

  [[noreturn]] void fail(const std::string& what) const;

 private:
  void require(const JsonValue& json, JsonKind kind) const;
  Dim factor(const JsonValue& json);

  const PackTables& tables_;
  std::string where_;
  const JsonValue* object_ = nullptr;
};

}  // namespace lathe
