#include "interpreter/same_datum.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <type_traits>

#include "interpreter/layer_instance.h"

namespace lathe {
namespace {

using StructRef = std::shared_ptr<const DatumStruct>;
using RecipeRef = std::shared_ptr<const LayerRecipe>;

bool same(const Unknown&, const Unknown&) { return false; }
bool same(const None&, const None&) { return true; }
bool same(bool a, bool b) { return a == b; }
bool same(const Dim& a, const Dim& b) { return a == b; }
bool same(double a, double b) {
  return a == b && std::signbit(a) == std::signbit(b);
}
bool same(const SizeNumber& a, const SizeNumber& b) {
  return a.value.get() == b.value.get();
}
bool same(const Text& a, const Text& b) { return a.text == b.text; }
bool same(DType a, DType b) { return a == b; }
bool same(const TensorRef& a, const TensorRef& b) { return a.id == b.id; }
bool same(LayerInstance* a, LayerInstance* b) { return a == b; }

bool same(const DatumList& a, const DatumList& b) {
  return std::equal(a->begin(), a->end(), b->begin(), b->end(), same_datum);
}

bool same(const StructRef& a, const StructRef& b) {
  const auto same_field = [](const auto& x, const auto& y) {
    return x.first == y.first && same_datum(x.second, y.second);
  };
  return !a->by_layer && !b->by_layer && a->type == b->type &&
         a->defaulted == b->defaulted &&
         std::equal(a->fields.begin(), a->fields.end(), b->fields.begin(),
                    b->fields.end(), same_field);
}

// Layers say where they are written.
bool same(const RecipeRef& a, const RecipeRef& b) {
  const auto type_of = [](const LayerInstance* layer) {
    return layer == nullptr ? nullptr : layer->type;
  };
  const auto same_field = [](const GivenField& x, const GivenField& y) {
    return x.name == y.name && same_datum(x.value, y.value);
  };
  return a->type == b->type && a->span.file == b->span.file &&
         a->span.begin == b->span.begin &&
         type_of(a->written_in) == type_of(b->written_in) &&
         std::equal(a->fields.begin(), a->fields.end(), b->fields.begin(),
                    b->fields.end(), same_field);
}

template <typename T>
size_t hash_value(const T& value) {
  return std::hash<T>()(value);
}

size_t hashed(const Unknown&) { return 0; }
size_t hashed(const None&) { return 1; }
size_t hashed(bool value) { return hash_value(value); }
size_t hashed(const Dim& dim) {
  return dim.is_static() ? hash_value(dim.value())
                         : hash_value(dim.to_string());
}
size_t hashed(double value) { return hash_value(value); }
size_t hashed(const SizeNumber& number) {
  return hash_value(number.value.get());
}
size_t hashed(const Text& text) { return hash_value(text.text); }
size_t hashed(DType dtype) { return static_cast<size_t>(dtype); }
size_t hashed(const TensorRef& tensor) { return hash_value(tensor.id); }
size_t hashed(LayerInstance* layer) { return hash_value(layer); }

size_t hashed(const DatumList& list) {
  size_t hash = list->size();
  for (const Datum& item : *list) {
    hash = combined_hash(hash, hash_of(item));
  }
  return hash;
}

size_t hashed(const StructRef& value) {
  size_t hash = hash_value(value->type);
  for (const auto& [name, field] : value->fields) {
    hash = combined_hash(hash, hash_of(field));
  }
  return hash;
}

size_t hashed(const RecipeRef& recipe) {
  size_t hash = hash_value(recipe->type);
  for (const GivenField& field : recipe->fields) {
    hash = combined_hash(hash, hash_value(field.name));
    hash = combined_hash(hash, hash_of(field.value));
  }
  return hash;
}

}  // namespace

size_t combined_hash(size_t hash, size_t value) {
  constexpr size_t kGoldenRatio = 0x9e3779b97f4a7c15;
  return hash ^ (value + kGoldenRatio + (hash << 6) + (hash >> 2));
}

size_t hash_of(const Datum& datum) {
  const size_t hash =
      std::visit([](const auto& value) { return hashed(value); },
                 datum.value);
  return combined_hash(datum.value.index(), hash);
}

bool same_datum(const Datum& a, const Datum& b) {
  if (a.value.index() != b.value.index()) return false;
  return std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        return same(value, *b.as<T>());
      },
      a.value);
}

}  // namespace lathe
