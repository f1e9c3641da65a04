#include "runtime/json_tensor.h"

#include <cmath>
#include <limits>

#include "runtime/atomic_file.h"
#include "spec/diagnostic.h"

namespace lathe {
namespace {

// Follows the first element down; the others are checked against it.
std::vector<int64_t> shape_of(const JsonValue& value) {
  std::vector<int64_t> shape;
  const JsonValue* level = &value;
  while (level->is(JsonKind::kArray)) {
    shape.push_back(static_cast<int64_t>(level->items.size()));
    if (level->items.empty()) break;
    level = &level->items.front();
  }
  return shape;
}

class Filler {
 public:
  Filler(Tensor& out, const SourceRef& source) : out_(out), source_(source) {}

  void fill(const JsonValue& value, size_t depth) {
    if (depth == out_.shape().size()) {
      element(value);
      return;
    }
    const int64_t wanted = out_.shape()[depth];
    if (!value.is(JsonKind::kArray)) {
      fail("L0514", span_of(value, source_),
           cat({"the list is ragged: ", kind_name(value.kind),
                " stands where a list of ", wanted, " is wanted"}));
    }
    if (static_cast<int64_t>(value.items.size()) != wanted) {
      fail("L0514", span_of(value, source_),
           cat({"the list is ragged: this one has ", value.items.size(),
                ", the first ", wanted}));
    }
    for (const JsonValue& item : value.items) fill(item, depth + 1);
  }

 private:
  void element(const JsonValue& value) {
    const DType dtype = out_.dtype();
    if (is_float(dtype)) {
      out_.set(next_++, number(value));
      return;
    }
    if (is_bool(dtype)) {
      if (!value.is(JsonKind::kBool)) misfit(value);
      out_.set_int(next_++, value.boolean);
      return;
    }
    const bool beyond = value.is(JsonKind::kFloat) &&
                        std::fabs(value.number) >= 9223372036854775808.0 &&
                        span_of(value, source_).text().find_first_of(".eE") ==
                            std::string_view::npos;
    if (beyond) {
      fail("L0404", span_of(value, source_),
           cat({span_of(value, source_).text(), " is out of range for ",
                to_string(dtype)}));
    }
    if (!value.is(JsonKind::kInt)) misfit(value);
    if (value.integer < lowest_int(dtype) ||
        value.integer > highest_int(dtype)) {
      fail("L0404", span_of(value, source_),
           cat({value.integer, " is out of range for ", to_string(dtype)}));
    }
    out_.set_int(next_++, value.integer);
  }

  double number(const JsonValue& value) const {
    if (value.is(JsonKind::kInt) || value.is(JsonKind::kFloat)) {
      return value.number;
    }
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (value.text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (value.text == "Infinity") return kInfinity;
    if (value.text == "-Infinity") return -kInfinity;
    misfit(value);
  }

  [[noreturn]] void misfit(const JsonValue& value) const {
    if (value.is(JsonKind::kArray)) {
      fail("L0514", span_of(value, source_),
           "the list is ragged: a list stands where a number is wanted");
    }
    fail("L0404", span_of(value, source_),
         cat({kind_name(value.kind), " stands where ", to_string(out_.dtype()),
              " is wanted"}));
  }

  Tensor& out_;
  const SourceRef& source_;
  int64_t next_ = 0;
};

// The `next`-th element and those behind it, nested from axis `depth` on.
JsonValue nested(const Tensor& tensor, size_t depth, int64_t& next) {
  if (depth < tensor.shape().size()) {
    JsonValue out = JsonValue::array();
    for (int64_t i = 0; i < tensor.shape()[depth]; ++i) {
      out.items.push_back(nested(tensor, depth + 1, next));
    }
    return out;
  }
  const int64_t i = next++;
  if (is_bool(tensor.dtype())) return JsonValue::of(tensor.int_at(i) != 0);
  if (is_int(tensor.dtype())) return JsonValue::of(tensor.int_at(i));
  return JsonValue::of(tensor.at(i));
}

}  // namespace

Tensor tensor_from_json(const JsonValue& value, DType dtype,
                        const SourceRef& source) {
  Tensor out(dtype, shape_of(value));
  Filler(out, source).fill(value, 0);
  return out;
}

DType natural_dtype(const JsonValue& value) {
  if (value.is(JsonKind::kBool)) return DType::kBool;
  if (value.is(JsonKind::kInt)) return DType::kInt64;
  if (!value.is(JsonKind::kArray)) return DType::kFloat32;
  DType out = DType::kInt64;
  bool first = true;
  for (const JsonValue& item : value.items) {
    const DType dtype = natural_dtype(item);
    if (first) out = dtype;
    if (dtype != out) return DType::kFloat32;
    first = false;
  }
  // An empty list says nothing; float is what most models want.
  return first ? DType::kFloat32 : out;
}

JsonValue tensor_to_json(const Tensor& tensor) {
  int64_t next = 0;
  return nested(tensor, 0, next);
}

void write_json_tensors(const std::string& path,
                        const std::vector<NamedTensor>& tensors) {
  AtomicFile file(path);
  file.write("{");
  const char* separator = "\n  ";
  for (const NamedTensor& entry : tensors) {
    std::string text = to_json(tensor_to_json(entry.tensor));
    text.pop_back();  // the line end
    file.write(cat({separator, json_string(entry.name), ": ", text}));
    separator = ",\n  ";
  }
  file.write("\n}\n");
  file.commit();
}

}  // namespace lathe
