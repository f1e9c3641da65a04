#include "interpreter/datum.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "interpreter/layer_instance.h"
#include "spec/text.h"

namespace lathe {
namespace {

template <typename... F>
struct Visit : F... {
  using F::operator()...;
};
template <typename... F>
Visit(F...) -> Visit<F...>;

std::string list_text(const std::vector<Datum>& items) {
  std::vector<std::string> parts;
  for (const Datum& item : items) parts.push_back(to_string(item));
  return "[" + join(parts, ", ") + "]";
}

std::string struct_text(const DatumStruct& value) {
  std::vector<std::string> parts;
  if (!value.type.empty()) parts.push_back("type: " + value.type);
  for (const auto& [name, field] : value.fields) {
    parts.push_back(name + ": " + interpolated(field));
  }
  return "{" + join(parts, ", ") + "}";
}

// "the outputs `a`, `b` of a layer".
std::string outputs_text(const DatumStruct& outputs) {
  std::vector<std::string> names;
  for (const auto& [name, value] : outputs.fields) {
    names.push_back(backquoted(name));
  }
  return cat({"the outputs ", join(names, ", "), " of a layer"});
}

std::optional<bool> lists_equal(const std::vector<Datum>& a,
                                const std::vector<Datum>& b) {
  if (a.size() != b.size()) return false;
  bool known = true;
  for (size_t i = 0; i < a.size(); ++i) {
    const std::optional<bool> equal = datums_equal(a[i], b[i]);
    if (equal == false) return false;
    known &= equal.has_value();
  }
  return known ? std::optional<bool>(true) : std::nullopt;
}

std::optional<bool> structs_equal(const DatumStruct& a, const DatumStruct& b) {
  if (a.type != b.type || a.fields.size() != b.fields.size()) return false;
  bool known = true;
  for (const auto& [name, field] : a.fields) {
    const Datum* other = b.find(name);
    if (other == nullptr) return false;
    const std::optional<bool> equal = datums_equal(field, *other);
    if (equal == false) return false;
    known &= equal.has_value();
  }
  return known ? std::optional<bool>(true) : std::nullopt;
}

std::optional<bool> dims_equal(const Dim& a, const Dim& b) {
  if (provably_equal(a, b)) return true;
  if (provably_different(a, b)) return false;
  return std::nullopt;
}

}  // namespace

const Datum* DatumStruct::find(std::string_view name) const {
  for (const auto& [key, field] : fields) {
    if (key == name) return &field;
  }
  return nullptr;
}

bool Datum::layer() const {
  if (is<LayerInstance*>() || is<std::shared_ptr<const LayerRecipe>>()) {
    return true;
  }
  const DatumList* list = as<DatumList>();
  return list != nullptr && !(*list)->empty() && (*list)->front().layer();
}

Datum make_text(std::string text) { return Text{std::move(text), nullptr}; }

Datum make_list(std::vector<Datum> items) {
  return DatumList(std::make_shared<std::vector<Datum>>(std::move(items)));
}

std::string float_text(double value) {
  std::string text = fmt::format("{}", value);
  const bool marked = text.find_first_of(".ein") != std::string::npos;
  return marked ? text : text + ".0";
}

std::string interpolated(const Datum& datum) {
  const Text* text = datum.as<Text>();
  return text != nullptr ? text->text : to_string(datum);
}

std::string to_string(const Datum& datum) {
  return std::visit(
      Visit{
          [](Unknown) -> std::string { return "unknown"; },
          [](None) -> std::string { return "none"; },
          [](bool v) -> std::string { return v ? "true" : "false"; },
          [](const Dim& v) { return v.to_string(); },
          [](double v) { return float_text(v); },
          [](const SizeNumber& v) { return to_string(v.value); },
          [](const Text& v) { return "'" + v.text + "'"; },
          [](DType v) { return std::string(to_string(v)); },
          [](TensorRef) -> std::string { return "a tensor"; },
          [](const DatumList& v) { return list_text(*v); },
          [](const std::shared_ptr<const DatumStruct>& v) {
            return struct_text(*v);
          },
          [](LayerInstance* v) { return v->path; },
          [](const std::shared_ptr<const LayerRecipe>& v) {
            return v->type->name;
          },
      },
      datum.value);
}

const BareWord* bare_word(const Datum& datum) {
  const Text* text = datum.as<Text>();
  return text == nullptr ? nullptr : text->bare_word.get();
}

std::vector<std::string> word_notes(const Datum& datum) {
  const BareWord* word = bare_word(datum);
  if (word == nullptr) return {};
  return {cat({"`", datum.as<Text>()->text,
               "` is a text, because no param or value has that name (",
               place_of(word->span), ")"})};
}

std::string word_help(const Datum& datum) {
  const BareWord* word = bare_word(datum);
  return word == nullptr ? "" : word->suggestion;
}

std::string described(const Datum& datum) {
  return std::visit(
      Visit{
          [](Unknown) -> std::string { return "something unknown"; },
          [](None) -> std::string { return "none"; },
          [](bool v) -> std::string { return v ? "true" : "false"; },
          [](const Dim& v) {
            return (v.is_static() ? "" : "the size ") + v.to_string();
          },
          [](double v) { return float_text(v); },
          [](const SizeNumber& v) {
            return "a number that depends on sizes: " + to_string(v.value);
          },
          [](const Text& v) { return "the text '" + v.text + "'"; },
          [](DType v) { return "the dtype " + std::string(to_string(v)); },
          [](TensorRef) -> std::string { return "a tensor"; },
          [](const DatumList& v) { return "the list " + list_text(*v); },
          [](const std::shared_ptr<const DatumStruct>& v) {
            if (!v->type.empty()) return "a " + v->type;
            // Only the outputs of a layer hold tensors.
            const bool tensors =
                !v->fields.empty() && v->fields[0].second.tensor();
            return tensors ? outputs_text(*v) : std::string("a map");
          },
          [](LayerInstance* v) { return "the layer `" + v->path + "`"; },
          [](const std::shared_ptr<const LayerRecipe>& v) {
            return "the layer type " + v->type->name;
          },
      },
      datum.value);
}

std::optional<bool> datums_equal(const Datum& a, const Datum& b) {
  const Dim* a_dim = a.as<Dim>();
  const Dim* b_dim = b.as<Dim>();
  if (a_dim && b_dim) return dims_equal(*a_dim, *b_dim);
  if (a.is<SizeNumber>() || b.is<SizeNumber>()) {
    const bool numbers = a.number() && b.number();
    return numbers ? std::nullopt : std::optional<bool>(false);
  }
  if (a_dim && b.is<double>()) {
    if (!a_dim->is_static()) return std::nullopt;
    return static_cast<double>(a_dim->value()) == *b.as<double>();
  }
  if (a.is<double>() && b_dim) return datums_equal(b, a);
  if (a.value.index() != b.value.index()) return false;
  return std::visit(
      Visit{
          [](Unknown) -> std::optional<bool> { return std::nullopt; },
          [](None) -> std::optional<bool> { return true; },
          [&](bool v) -> std::optional<bool> { return v == *b.as<bool>(); },
          [&](const Dim& v) { return dims_equal(v, *b_dim); },
          [&](double v) -> std::optional<bool> { return v == *b.as<double>(); },
          [](const SizeNumber&) -> std::optional<bool> { return std::nullopt; },
          [&](const Text& v) -> std::optional<bool> {
            return v.text == b.as<Text>()->text;
          },
          [&](DType v) -> std::optional<bool> { return v == *b.as<DType>(); },
          [&](TensorRef v) -> std::optional<bool> {
            return v.id == b.as<TensorRef>()->id;
          },
          [&](const DatumList& v) {
            return lists_equal(*v, **b.as<DatumList>());
          },
          [&](const std::shared_ptr<const DatumStruct>& v) {
            return structs_equal(
                *v, **b.as<std::shared_ptr<const DatumStruct>>());
          },
          [&](LayerInstance* v) -> std::optional<bool> {
            return v == *b.as<LayerInstance*>();
          },
          [&](const std::shared_ptr<const LayerRecipe>& v)
              -> std::optional<bool> {
            return v == *b.as<std::shared_ptr<const LayerRecipe>>();
          },
      },
      a.value);
}

}  // namespace lathe
