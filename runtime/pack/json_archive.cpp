#include "runtime/pack/json_archive.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/pack/pack_damage.h"
#include "spec/dim_poly.h"
#include "spec/text.h"

namespace lathe {
namespace {

constexpr std::array<const char*, 6> kRoles = {
    "input", "output", "weight", "literal", "packed", "temp"};
constexpr std::array<const char*, 4> kInits = {"none", "fixed", "normal",
                                               "uniform"};

constexpr std::array<const char*, 5> kScales = {"none", "whole", "lines",
                                                "depth128", "block128"};

template <typename T>
int64_t index_in(std::vector<T>& table, const T& entry) {
  const auto found = std::find(table.begin(), table.end(), entry);
  const auto index = found - table.begin();
  if (found == table.end()) table.push_back(entry);
  return index;
}

constexpr const char* kFloorDivWord = "//";
constexpr const char* kMinWord = "least";
constexpr const char* kMaxWord = "greatest";

}  // namespace

int64_t PackTables::source(const SourceRef& file) {
  return index_in(sources, file);
}
int64_t PackTables::constant(const std::shared_ptr<const Tensor>& tensor) {
  return index_in(constants, tensor);
}

JsonValue JsonWriter::json(DType value) {
  return JsonValue::of(std::string(to_string(value)));
}
JsonValue JsonWriter::json(BufferRole value) {
  return json(std::string(kRoles[static_cast<size_t>(value)]));
}
JsonValue JsonWriter::json(Initializer::Kind value) {
  return json(std::string(kInits[static_cast<size_t>(value)]));
}

JsonValue JsonWriter::json(ProductScale value) {
  return json(std::string(kScales[static_cast<size_t>(value)]));
}

JsonValue JsonWriter::json(const Dim& value) {
  if (value.is_static()) return JsonValue::of(value.value());
  JsonValue out = JsonValue::array();
  for (const DimTerm& term : value.poly()->terms) {
    JsonValue& list = out.items.emplace_back(JsonValue::array());
    list.items.push_back(JsonValue::of(term.coefficient));
    for (const DimAtomRef& atom : term.factors) {
      if (atom->kind == DimAtomKind::kSymbol) {
        list.items.push_back(JsonValue::of(atom->key));
        continue;
      }
      const char* name = atom->kind == DimAtomKind::kFloorDiv ? kFloorDivWord
                         : atom->kind == DimAtomKind::kMin    ? kMinWord
                                                              : kMaxWord;
      JsonValue& call = list.items.emplace_back(JsonValue::array());
      call.items.push_back(JsonValue::of(std::string(name)));
      call.items.push_back(json(atom->a));
      call.items.push_back(json(atom->b));
    }
  }
  return out;
}

JsonValue JsonWriter::json(const SourceSpan& value) {
  if (!value.known()) return JsonValue();
  JsonValue out = JsonValue::array();
  out.items.push_back(JsonValue::of(tables_.source(value.file)));
  out.items.push_back(JsonValue::of(int64_t{value.begin}));
  out.items.push_back(JsonValue::of(int64_t{value.end}));
  return out;
}

JsonValue JsonWriter::json(const std::shared_ptr<const Tensor>& value) {
  return value ? JsonValue::of(tables_.constant(value)) : JsonValue();
}

void JsonReader::fail(const std::string& what) const {
  throw PackDamage(cat({"`", where_, "` ", what}));
}

void JsonReader::require(const JsonValue& json, JsonKind kind) const {
  if (json.is(kind)) return;
  fail(cat({"is ", kind_name(json.kind), " and not ", kind_name(kind)}));
}

void JsonReader::read(const JsonValue& json, int64_t& value) {
  require(json, JsonKind::kInt);
  value = json.integer;
}

void JsonReader::read(const JsonValue& json, int& value) {
  int64_t wide = 0;
  read(json, wide);
  value = static_cast<int>(wide);
  if (value != wide) fail(cat({"is ", wide}));
}

void JsonReader::read(const JsonValue& json, double& value) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (json.is(JsonKind::kString)) {
    value = json.text == "Infinity"    ? kInfinity
            : json.text == "-Infinity" ? -kInfinity
                                       : std::nan("");
    return;
  }
  if (!json.is(JsonKind::kInt)) require(json, JsonKind::kFloat);
  value = json.number;
}

void JsonReader::read(const JsonValue& json, bool& value) {
  require(json, JsonKind::kBool);
  value = json.boolean;
}

void JsonReader::read(const JsonValue& json, std::string& value) {
  require(json, JsonKind::kString);
  value = json.text;
}

void JsonReader::read(const JsonValue& json, DType& value) {
  require(json, JsonKind::kString);
  const auto found = parse_dtype(json.text);
  if (!found) fail(cat({"is ", backquoted(json.text)}));
  value = *found;
}

void JsonReader::read(const JsonValue& json, BufferRole& value) {
  require(json, JsonKind::kString);
  const auto found = std::find(kRoles.begin(), kRoles.end(), json.text);
  if (found == kRoles.end()) fail(cat({"is ", backquoted(json.text)}));
  value = static_cast<BufferRole>(found - kRoles.begin());
}

void JsonReader::read(const JsonValue& json, Initializer::Kind& value) {
  require(json, JsonKind::kString);
  const auto found = std::find(kInits.begin(), kInits.end(), json.text);
  if (found == kInits.end()) fail(cat({"is ", backquoted(json.text)}));
  value = static_cast<Initializer::Kind>(found - kInits.begin());
}

void JsonReader::read(const JsonValue& json, ProductScale& value) {
  require(json, JsonKind::kString);
  const auto found = std::find(kScales.begin(), kScales.end(), json.text);
  if (found == kScales.end()) fail(cat({"is ", backquoted(json.text)}));
  value = static_cast<ProductScale>(found - kScales.begin());
}

// A symbol, or an operation on two sizes.
Dim JsonReader::factor(const JsonValue& json) {
  if (json.is(JsonKind::kString)) {
    if (!is_identifier(json.text))
      fail(cat({"has the size ", backquoted(json.text)}));
    return Dim::symbol(json.text);
  }
  require(json, JsonKind::kArray);
  if (json.items.size() != 3) fail("holds no operation");
  std::string name;
  Dim a, b;
  read(json.items[0], name);
  read(json.items[1], a);
  read(json.items[2], b);
  if (name == kFloorDivWord) return floordiv(a, b);
  if (name == kMinWord) return min(a, b);
  if (name == kMaxWord) return max(a, b);
  fail(cat({"has the operation ", backquoted(name)}));
}

void JsonReader::read(const JsonValue& json, Dim& value) {
  value = 0;
  if (json.is(JsonKind::kInt)) {
    value = json.integer;
    return;
  }
  require(json, JsonKind::kArray);
  try {
    for (const JsonValue& term : json.items) {
      require(term, JsonKind::kArray);
      if (term.items.empty()) fail("has an empty term");
      int64_t coefficient = 0;
      read(term.items[0], coefficient);
      Dim product = coefficient;
      for (size_t i = 1; i < term.items.size(); ++i) {
        product *= factor(term.items[i]);
      }
      value += product;
    }
  } catch (const DimError& error) {
    fail(error.what());
  }
}

void JsonReader::read(const JsonValue& json, SourceSpan& value) {
  if (json.is(JsonKind::kNull)) return;
  std::vector<int64_t> numbers;
  read(json, numbers);
  const bool is_file =
      numbers.size() == 3 && numbers[0] >= 0 &&
      numbers[0] < static_cast<int64_t>(tables_.sources.size());
  if (!is_file) fail("is no place");
  value.file = tables_.sources[static_cast<size_t>(numbers[0])];
  const auto size = static_cast<int64_t>(value.file->text.size());
  if (numbers[1] < 0 || numbers[1] > numbers[2] || numbers[2] > size) {
    fail("lies outside of its file");
  }
  value.begin = static_cast<uint32_t>(numbers[1]);
  value.end = static_cast<uint32_t>(numbers[2]);
}

void JsonReader::read(const JsonValue& json,
                      std::shared_ptr<const Tensor>& value) {
  if (json.is(JsonKind::kNull)) return;
  int64_t index = 0;
  read(json, index);
  if (index < 0 || index >= static_cast<int64_t>(tables_.constants.size())) {
    fail(cat({"is ", index, " of ", tables_.constants.size(), " constants"}));
  }
  value = tables_.constants[static_cast<size_t>(index)];
}

}  // namespace lathe
