#include "codegen/right_cut.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "codegen/integer_range.h"
#include "codegen/linear_form.h"
#include "codegen/row_of_depth.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Integers up to here are exact in float32.
constexpr int64_t kExact = int64_t{1} << 24;
constexpr int64_t kMostGroup = 256;
// Most k of a run: their bytes take eight registers.
constexpr int64_t kMostRun = 32;

// One way to make an expression: what it is above the cut, and its fields.
struct Choice {
  Expr value;
  std::vector<RightField> fields;

  int64_t bits() const {
    int64_t sum = 0;
    for (const RightField& field : fields) sum += field.rows * field.bits();
    return sum;
  }
};
using FoundChoice = std::optional<Choice>;

std::vector<int> planes_of(int bits) {
  switch (bits) {
    case 1:
    case 2:
    case 4:
      return {bits};
    case 3:
      return {2, 1};
    case 5:
      return {4, 1};
    case 6:
      return {4, 2};
    default:
      return {};
  }
}

// What the kernel makes of codes.
enum class CodeUse : uint8_t { kNumbers, kBytes };

bool holds_load(const Expr& e) { return contains<Load>(e); }

class Cutter {
 public:
  Cutter(const MatmulForm& form, const Group& group, const Var& row,
         CodeUse use)
      : form_(form), group_(group), row_(row), use_(use) {}

  // Of one part.
  FoundChoice cut(const MatmulPart& part, const Dim& columns) {
    ranges_ = Ranges();
    ranges_.add(form_.b, form_.batch);
    ranges_.add(form_.k, form_.depth);
    ranges_.add(form_.n, columns);
    return visit(part.right);
  }

 private:
  FoundChoice visit(const Expr& e) {
    if (!holds_load(e) && !depends_on(e, form_.k.get()) &&
        !depends_on(e, form_.n.get()) && !depends_on(e, form_.b.get())) {
      return literal_of(e);
    }
    FoundChoice whole =
        e->type == NumType::kInt64 ? whole_integer(e) : whole_number(e);
    FoundChoice parts = in_parts(e);
    if (!whole || !parts) return whole ? whole : parts;
    return parts->bits() < whole->bits() ? parts : whole;
  }

  static FoundChoice literal_of(const Expr& e) {
    if (!std::holds_alternative<Literal>(e->node)) return std::nullopt;
    return Choice{convert(NumType::kFloat32, e), {}};
  }

  // --- as a field ---

  // The field of `e` with its rows; nothing when there is one for each k and
  // `fine` does not allow that, or all columns would hold copies of it.
  std::optional<RightField> field_of(const Expr& e, bool fine) const {
    RowOfDepth rows =
        row_of_depth(e, form_, group_, row_, kLeastGroup, ranges_);
    bool each_k = rows.group == 1 && !rows.gather.get();
    if (each_k && (!fine || !depends_on(e, form_.n.get()))) {
      return std::nullopt;
    }
    RightField field;
    field.group = rows.group;
    field.gather = rows.gather;
    field.rows = rows.rows;
    field.parts = {rows.value};
    return field;
  }

  // Equal fields are one.
  Choice choice_of(RightField field) {
    std::string text = to_string(field.parts[0]);
    auto [it, added] = names_.emplace(text, Var());
    if (added) {
      it->second = make_var(cat({"f", names_.size()}), NumType::kFloat32);
    }
    field.name = it->second;
    Expr value = var(field.name);
    return {std::move(value), {std::move(field)}};
  }

  // Stored numbers may differ for each k; computed ones must not, or they
  // would take more bytes than what they are computed from.
  FoundChoice whole_number(const Expr& e) {
    if (e->type != NumType::kFloat32) return std::nullopt;
    auto* node = std::get_if<Load>(&e->node);
    std::optional<RightField> field = field_of(e, node != nullptr);
    if (!field) return std::nullopt;
    field->dtype = dtype_of(e);
    return choice_of(std::move(*field));
  }

  // The narrowest dtype that is known to hold the value.
  static DType dtype_of(const Expr& e) {
    if (auto* node = std::get_if<Load>(&e->node)) return node->dtype;
    if (auto* node = std::get_if<Cast>(&e->node)) return node->dtype;
    auto* call = std::get_if<Call>(&e->node);
    bool half = call && call->op == ScalarOp::kFloat16Bits;
    return half ? DType::kFloat16 : DType::kFloat32;
  }

  FoundChoice whole_integer(const Expr& e) {
    std::optional<IntegerRange> range = range_of(e, ranges_);
    if (!range) return std::nullopt;
    int bits = bits_of(*range);
    std::optional<RightField> field = field_of(e, bits <= 8);
    if (!field) return std::nullopt;
    if (!field->is_fine()) return coarse_integer(std::move(*field), *range);
    field->planes = planes_of(bits);
    if (use_ == CodeUse::kBytes && field->planes.empty()) field->planes = {8};
    if (field->planes.empty()) return byte_code(std::move(*field), *range);
    field->dtype = DType::kInt32;
    field->least = range->low;
    if (use_ == CodeUse::kBytes) return choice_of(std::move(*field));
    Choice choice = choice_of(std::move(*field));
    choice.value = choice.value + float_literal(static_cast<double>(range->low),
                                                NumType::kFloat32);
    return choice;
  }

  FoundChoice byte_code(RightField field, const IntegerRange& range) {
    bool plain = range.low >= 0 && range.high <= 255;
    bool sign = range.low >= -128 && range.high <= 127;
    if (!plain && !sign) return std::nullopt;
    field.dtype = sign ? DType::kInt8 : DType::kUInt8;
    return choice_of(std::move(field));
  }

  FoundChoice coarse_integer(RightField field, const IntegerRange& range) {
    if (FoundChoice byte = byte_code(field, range)) return byte;
    bool small = range.low >= -32768 && range.high <= 32767;
    if (!small) return std::nullopt;
    field.dtype = DType::kInt16;
    return choice_of(std::move(field));
  }

  // --- in parts ---

  FoundChoice in_parts(const Expr& e) {
    if (auto* node = std::get_if<Cast>(&e->node)) {
      return cast_in_parts(e, *node);
    }
    auto* node = std::get_if<Call>(&e->node);
    if (!node || !computes(e, node->op)) return std::nullopt;
    if (e->type == NumType::kInt64 && !exact(e)) return std::nullopt;
    Choice choice;
    std::vector<Expr> args;
    std::set<Var> known;
    for (const Expr& arg : node->args) {
      FoundChoice part = visit(arg);
      if (!part) return std::nullopt;
      args.push_back(part->value);
      for (RightField& field : part->fields) {
        if (!known.insert(field.name).second) continue;
        choice.fields.push_back(std::move(field));
      }
    }
    choice.value = call(node->op, std::move(args));
    return choice;
  }

  // A conversion of exact integers is nothing: above the cut they are floats.
  FoundChoice cast_in_parts(const Expr& e, const Cast& node) {
    if (node.arg->type == NumType::kInt64) {
      bool same = node.dtype == DType::kFloat32 ||
                  (is_int(node.dtype) && fits(node.arg, node.dtype));
      if (!same || !exact(node.arg)) return std::nullopt;
      return visit(node.arg);
    }
    if (e->type != NumType::kFloat32 || node.arg->type != e->type) {
      return std::nullopt;
    }
    FoundChoice arg = visit(node.arg);
    if (arg) arg->value = cast(node.dtype, arg->value);
    return arg;
  }

  bool exact(const Expr& e) const {
    std::optional<IntegerRange> range = range_of(e, ranges_);
    return range && range->low > -kExact && range->high < kExact;
  }
  bool fits(const Expr& e, DType dtype) const {
    std::optional<IntegerRange> range = range_of(e, ranges_);
    if (!range) return false;
    std::optional<IntegerRange> all =
        range_of(load(0, dtype, {int_literal(0)}), ranges_);
    return !all || (range->low >= all->low && range->high <= all->high);
  }

  // What has a form in vectors.
  static bool computes(const Expr& e, ScalarOp op) {
    bool ring = op == ScalarOp::kAdd || op == ScalarOp::kSub ||
                op == ScalarOp::kMul || op == ScalarOp::kNeg ||
                op == ScalarOp::kMin || op == ScalarOp::kMax;
    if (e->type == NumType::kInt64) return ring;
    return e->type == NumType::kFloat32 && (ring || op == ScalarOp::kDiv);
  }

  const MatmulForm& form_;
  const Group& group_;
  Var row_;
  CodeUse use_;
  Ranges ranges_;
  std::map<std::string, Var> names_;
};

// Everything that decides the kernel, with fields by number.
std::string text_of(const Choice& choice) {
  Substitution names;
  std::string text;
  for (const RightField& field : choice.fields) {
    std::string name = cat({"f", names.size()});
    names[field.name.get()] = var(make_var(name, NumType::kFloat32));
    text += cat({name, " ", to_string(field.dtype), " ", field.bits(), " ",
                 field.least, " ", field.group, " ", field.rows, " ",
                 field.gather.get() ? to_string(field.gather) : "", "\n"});
  }
  return text + to_string(substitute(choice.value, names));
}

// A group, or an equal part of a long one: blocks of depth hold whole ones.
int64_t part_of_group(int64_t group, int64_t unit) {
  for (int64_t part = std::min(group, kMostGroup); part >= unit; --part) {
    if (group % part == 0 && part % unit == 0) return part;
  }
  return -1;
}

// The longest part of a group that is whole units; `group` 0: of any length.
int64_t run_of(int64_t group, int64_t unit) {
  if (group == 0) group = kMostRun;
  for (int64_t run = std::min(group, kMostRun); run > unit; --run) {
    if (group % run == 0 && run % unit == 0) return run;
  }
  return unit;
}

// Sets code, factor, term and group, if the value has that form.
void find_linear(RightCut& cut, int64_t left_group) {
  std::optional<int> code;
  int64_t group = left_group;
  for (size_t f = 0; f < cut.fields.size(); ++f) {
    const RightField& field = cut.fields[f];
    if (field.gather.get()) return;
    if (field.is_fine()) {
      if (code) return;
      code = static_cast<int>(f);
    } else {
      group = std::gcd(group, field.group);
    }
  }
  if (!code) return;
  auto linear = linear_in(cut.value, cut.fields[*code].name);
  if (!linear) return;
  if (group > 0) group = part_of_group(group, cut.unit);
  if (group < 0) return;
  cut.code = code;
  cut.factor = linear->factor;
  cut.term = linear->term;
  cut.group = group;
}

std::optional<RightCut> cut_for(CodeUse use, const MatmulForm& form,
                                const Group& group, int64_t left_group) {
  RightCut cut;
  cut.row = make_var("row");
  Cutter cutter(form, group, cut.row, use);
  std::string text;
  for (const MatmulSection& section : form.sections) {
    for (int p : section.parts) {
      FoundChoice choice = cutter.cut(form.parts[p], section.columns);
      if (!choice || choice->fields.empty()) return std::nullopt;
      std::string own = text_of(*choice);
      if (text.empty()) {
        text = own;
        cut.value = choice->value;
        cut.fields = choice->fields;
        for (RightField& field : cut.fields) {
          field.parts.resize(form.parts.size());
        }
      }
      if (own != text) return std::nullopt;
      for (size_t f = 0; f < cut.fields.size(); ++f) {
        cut.fields[f].parts[p] = choice->fields[f].parts[0];
      }
    }
  }
  for (const RightField& field : cut.fields) {
    if (field.is_fine()) cut.unit = std::max(cut.unit, field.codes_a_word());
  }
  find_linear(cut, left_group);
  return cut;
}

}  // namespace

int64_t RightField::codes_a_word() const {
  if (moved) return 4;
  return planes.empty() ? 1 : 32 / planes.back();
}

// Codes of few bits are put into the mantissa of 1.
bool RightCut::suits_pairs(const Dim& depth, const Target& target) const {
  if (!code || !(mod(depth, unit) == 0)) return false;
  const RightField& field = fields[*code];
  if (field.moved) return target.byte_permute;
  return field.planes.size() == 1 && field.planes[0] <= 4;
}

int RightField::bits() const {
  if (planes.empty()) return 8 * size_of(dtype);
  return std::accumulate(planes.begin(), planes.end(), 0);
}

std::optional<RightCut> cut_right(const MatmulForm& form, const Group& group) {
  return cut_for(CodeUse::kNumbers, form, group, 0);
}

std::optional<RightCut> cut_bytes(const MatmulForm& form, const Group& group,
                                  int64_t left_group) {
  std::optional<RightCut> cut =
      cut_for(CodeUse::kBytes, form, group, left_group);
  if (!cut || !cut->code) return std::nullopt;
  if (cut->fields[*cut->code].planes.empty()) return std::nullopt;
  cut->run = run_of(cut->group, cut->unit);
  return cut;
}

// Four bits of exponent, three of mantissa, and no infinity: what is no number
// is told by a sum of zeros times it.
void move_floats(RightCut& cut, const MatmulForm& form) {
  if (!cut.code || cut.fields[*cut.code].dtype != DType::kFloat8E4M3FN) return;
  cut.fields[*cut.code].moved =
      MovedFloat{.shift = 4, .mask = 0x07f00000 + INT32_MIN, .log2_scale = 120};
  RightField added;
  added.name = make_var("added", NumType::kFloat32);
  added.dtype = DType::kFloat8E4M3FN;
  added.group = 0;
  added.summed = true;
  for (const Expr& part : cut.fields[*cut.code].parts) {
    bool used = part.get() != nullptr;
    added.parts.push_back(
        used ? substitute(part, {{cut.row.get(), var(form.k)}}) * 0.0 : part);
  }
  cut.added = static_cast<int>(cut.fields.size());
  cut.fields.push_back(std::move(added));
}

}  // namespace lathe
