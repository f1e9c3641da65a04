#pragma once
// What an expression of a spec stands for while a model is elaborated: a
// number, a text, a struct, a layer, or a tensor of the graph.
//
// Integers and sizes are one kind, Dim: a param is a static one. `Unknown`
// is what a mistake leaves behind; everything computed from it is unknown
// too, so that one mistake gives one message.

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "interpreter/graph.h"
#include "spec/dim.h"
#include "spec/dtype.h"
#include "spec/source.h"

namespace lathe {

struct Datum;
struct LayerInstance;  // layer_instance.h: a layer of the model
struct LayerRecipe;    // layer_instance.h: a type with fields, not made yet

struct Unknown {};
struct None {};
struct TensorRef {
  ValueId id = -1;
};
// A number computed from symbolic sizes, known when they are bound: the value
// of `1 / sqrt(T)`. Beside a tensor it is as weak as any other number.
struct SizeNumber {
  Expr value;
};

using DatumList = std::shared_ptr<const std::vector<Datum>>;

// A struct (`type` names it), a map, or the outputs of a layer (`type` is
// empty for both); fields in order.
struct DatumStruct {
  std::string type;
  std::vector<std::pair<std::string, Datum>> fields;
  // Of a struct: the fields that have their defaults, which may depend on
  // other fields.
  std::vector<std::string> defaulted = {};
  // Written `checkpoint`: each layer that has a `weight` gets what the
  // checkpoint says of that layer.
  bool by_layer = false;

  const Datum* find(std::string_view name) const;
};

// Where a text came from that was written without a type as one bare word. If
// it turns out to be misused, it was probably meant as a name.
struct BareWord {
  SourceSpan span;
  std::string suggestion;  // "did you mean `hidden`?", or empty
};

struct Text {
  std::string text;
  std::shared_ptr<const BareWord> bare_word;  // null: certainly a text
};

struct Datum {
  std::variant<Unknown, None, bool, Dim, double, SizeNumber, Text, DType,
               TensorRef, DatumList, std::shared_ptr<const DatumStruct>, LayerInstance*,
               std::shared_ptr<const LayerRecipe>>
      value;

  Datum() = default;
  template <typename T>
  Datum(T v) : value(std::move(v)) {}  // NOLINT: a datum is its value
  Datum(int64_t v) : value(Dim(v)) {}  // NOLINT
  Datum(int v) : value(Dim(v)) {}      // NOLINT

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&value);
  }
  template <typename T>
  bool is() const {
    return std::holds_alternative<T>(value);
  }
  bool unknown() const { return is<Unknown>(); }
  bool none() const { return is<None>(); }
  // A bool, an integer (or size), or a float.
  bool number() const {
    return is<bool>() || is<Dim>() || is<double>() || is<SizeNumber>();
  }
  // A number that is only known when sizes are bound.
  bool symbolic() const {
    const Dim* dim = as<Dim>();
    return is<SizeNumber>() || (dim != nullptr && !dim->is_static());
  }
  bool tensor() const { return is<TensorRef>(); }
  // A layer that can be called, or a list of them.
  bool layer() const;
};

Datum make_text(std::string text);
Datum make_list(std::vector<Datum> items);

// The datum as an expression would write it: `0.5`, `'silu'`, `[1, 2]`.
std::string to_string(const Datum& datum);

// What stands in for `${...}`: texts without quotes.
std::string interpolated(const Datum& datum);

// "an int", "the text 'silu'", "a layer": for `wants ... and gets ...`.
std::string described(const Datum& datum);

// For messages about a text that was probably meant as a name: where it was
// written, and what is near it. Empty for any other datum.
const BareWord* bare_word(const Datum& datum);
std::vector<std::string> word_notes(const Datum& datum);
std::string word_help(const Datum& datum);

// A float in the fewest digits that read back to it, always with `.`, `e` or
// a name such as `inf`.
std::string float_text(double value);

// Equality of `==`: numbers by value, lists and structs by items; a datum of
// another kind is unequal. Nothing if it depends on symbolic dims.
std::optional<bool> datums_equal(const Datum& a, const Datum& b);

}  // namespace lathe
