#include "interpreter/propose_rules.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "interpreter/load_rules.h"
#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

constexpr size_t kMaxRules = 3;

using Parts = std::vector<std::string>;

std::string in_quotes(const std::string& text) {
  return cat({"\"", text, "\""});
}

std::string list_in_quotes(const Parts& names) {
  Parts quotes;
  for (const std::string& name : names) quotes.push_back(in_quotes(name));
  return cat({"[", join(quotes, ", "), "]"});
}

std::string rule_text(std::string_view verb, const std::string& from,
                      const std::string& to, int64_t axis = 0) {
  return cat({"{", verb, ": ", from, ", to: ", to,
              axis == 0 ? "" : cat({", axis: ", axis}), "}"});
}

// A rule that renames by a prefix that one side has and the other lacks.
std::optional<std::string> prefix_rule(const WeightReport& report) {
  std::map<std::string, const NamedType*> unused;
  for (const NamedType& item : report.unused) unused[item.name] = &item;
  const NamedType& first = report.missing.front();
  for (const auto& [name, item] : unused) {
    if (item->type.shape != first.type.shape) continue;
    const bool stored_longer = name.ends_with("." + first.name);
    if (!stored_longer && !first.name.ends_with("." + name)) continue;
    const std::string& longer = stored_longer ? name : first.name;
    const std::string prefix = longer.substr(
        0, longer.size() - std::min(name.size(), first.name.size()));
    size_t matched = 0;
    for (const NamedType& weight : report.missing) {
      const bool fits_prefix = weight.name.rfind(prefix, 0) == 0;
      if (!stored_longer && !fits_prefix) continue;
      const std::string other = stored_longer
                                    ? prefix + weight.name
                                    : weight.name.substr(prefix.size());
      matched += unused.count(other);
    }
    if (matched * 2 < report.missing.size()) continue;
    const std::string full = in_quotes(prefix + "*");
    const std::string star = in_quotes("*");
    return rule_text(renaming_verb(), stored_longer ? full : star,
                     stored_longer ? star : full);
  }
  return std::nullopt;
}

Shape transposed(Shape shape) {
  if (shape.size() >= 2) std::swap(shape[shape.size() - 1],
                                   shape[shape.size() - 2]);
  return shape;
}

// ---- one of several -------------------------------------------------------

// Tensors whose names differ in one part between dots, and where in it.
struct Family {
  std::vector<const NamedType*> members;
  Parts texts;  // that part of each
};

// Those of `list` that are named as `whole` is, but for part `at`.
Family family_of(const NamedType& whole, size_t at,
                 const std::vector<NamedType>& list) {
  Family family;
  const Parts wanted = split(whole.name, '.');
  for (const NamedType& item : list) {
    Parts parts = split(item.name, '.');
    if (parts.size() != wanted.size() || parts[at] == wanted[at]) continue;
    std::string text = parts[at];
    parts[at] = wanted[at];
    if (parts != wanted) continue;
    family.members.push_back(&item);
    family.texts.push_back(std::move(text));
  }
  return family;
}

// How much all texts have in common at their ends: "_proj" of q_proj, k_proj.
size_t common_end(const Parts& texts) {
  size_t length = 0;
  while (true) {
    for (const std::string& text : texts) {
      if (text.size() <= length + 1) return length;
      const char c = text[text.size() - 1 - length];
      if (c != texts[0][texts[0].size() - 1 - length]) return length;
    }
    ++length;
  }
}

// The members in the order in which the whole's name joins them: `qkv_proj`
// says q, k, v, `gate_up_proj` says gate, up. Empty if it says anything else.
std::vector<const NamedType*> in_named_order(const Family& family,
                                             const std::string& whole) {
  const size_t end = common_end(family.texts);
  std::map<size_t, size_t> order;  // where in the name: which member
  for (size_t i = 0; i < family.texts.size(); ++i) {
    const std::string& text = family.texts[i];
    order.emplace(whole.find(text.substr(0, text.size() - end)), i);
  }
  std::vector<const NamedType*> members;
  size_t next = 0;
  for (const auto& [at, i] : order) {
    if (at == next + 1 && whole[next] == '_') ++next;
    if (at != next) return {};
    next += family.texts[i].size() - end;
    members.push_back(family.members[i]);
  }
  const std::string& text = family.texts[0];
  const bool named = members.size() == family.texts.size() &&
                     whole.substr(next) == text.substr(text.size() - end);
  return named ? members : std::vector<const NamedType*>{};
}

// The axis along which the parts make up the whole.
std::optional<int64_t> joining_axis(
    const std::vector<const NamedType*>& parts, const Shape& whole) {
  for (size_t axis = 0; axis < whole.size(); ++axis) {
    Dim sum = 0;
    bool fits = true;
    for (const NamedType* part : parts) {
      Shape shape = part->type.shape;
      fits = fits && shape.size() == whole.size();
      if (!fits) break;
      sum += shape[axis];
      shape[axis] = whole[axis];
      fits = shape == whole;
    }
    if (fits && sum == whole[axis]) return static_cast<int64_t>(axis);
  }
  return std::nullopt;
}

struct Joined {
  std::vector<const NamedType*> parts;
  int64_t axis = 0;
};

// What of `list` makes up `whole`, as q, k and v make up qkv.
std::optional<Joined> parts_of(const NamedType& whole,
                               const std::vector<NamedType>& list) {
  const Parts names = split(whole.name, '.');
  for (size_t at = 0; at < names.size(); ++at) {
    if (is_digits(names[at])) continue;
    const Family family = family_of(whole, at, list);
    if (family.members.size() < 2) continue;
    std::vector<const NamedType*> parts = in_named_order(family, names[at]);
    if (parts.empty()) continue;
    const auto axis = joining_axis(parts, whole.type.shape);
    if (axis) return Joined{std::move(parts), *axis};
  }
  return std::nullopt;
}

// ---- stacks ---------------------------------------------------------------

// The name with its number at part `at` made a placeholder of its own, if the
// other numbers are those of `weight`, in order.
std::optional<std::string> stack_pattern(const Parts& tensor, size_t at,
                                         const std::string& weight) {
  Parts numbers;
  for (const std::string& part : split(weight, '.')) {
    if (is_digits(part)) numbers.push_back(part);
  }
  Parts pattern = tensor;
  size_t next = 0;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (i == at || !is_digits(pattern[i])) continue;
    if (next == numbers.size() || numbers[next] != pattern[i]) {
      return std::nullopt;
    }
    pattern[i] = cat({"{", static_cast<char>('i' + next++), "}"});
  }
  if (next != numbers.size()) return std::nullopt;
  pattern[at] = cat({"{", static_cast<char>('i' + next), "}"});
  return join(pattern, ".");
}

struct Stack {
  std::string pattern;
  Parts members;
  double distance = 0;
};

// The tensors x.0, x.1, ... that side by side have the weight's shape.
std::optional<Stack> stack_of(const NamedType& weight,
                              const std::map<std::string, TensorType>& unused) {
  const Shape& shape = weight.type.shape;
  if (shape.empty() || !shape[0].is_static()) return std::nullopt;
  const Shape one(shape.begin() + 1, shape.end());
  std::optional<Stack> best;
  for (const auto& [name, type] : unused) {
    if (type.shape != one) continue;
    const Parts parts = split(name, '.');
    for (size_t at = 0; at < parts.size(); ++at) {
      if (parts[at] != "0") continue;
      const auto pattern = stack_pattern(parts, at, weight.name);
      if (!pattern) continue;
      Stack stack{*pattern, {}, edit_distance(name, weight.name)};
      Parts item = parts;
      for (int64_t i = 0;; ++i) {
        item[at] = std::to_string(i);
        const auto found = unused.find(join(item, "."));
        if (found == unused.end() || found->second.shape != one) break;
        stack.members.push_back(found->first);
      }
      const int64_t count = static_cast<int64_t>(stack.members.size());
      if (count != shape[0].value()) continue;
      if (!best || stack.distance < best->distance) best = std::move(stack);
    }
  }
  return best;
}

// ---- all rules ------------------------------------------------------------

class Proposal {
 public:
  explicit Proposal(const WeightReport& report)
      : missing_(report.missing), unused_(report.unused) {}

  Parts run(const std::vector<MismatchedWeight>& mismatched) {
    concatenate();
    stack();
    split_up();
    for (const NamedType& weight : missing_) {
      if (done_.count(weight.name) == 0) alike(weight);
    }
    for (const MismatchedWeight& weight : mismatched) turn(weight);
    if (rules_.size() > kMaxRules) rules_.resize(kMaxRules);
    return std::move(rules_);
  }

 private:
  void add(std::string rule) {
    const bool known =
        std::find(rules_.begin(), rules_.end(), rule) != rules_.end();
    if (!known) rules_.push_back(std::move(rule));
  }

  static Parts patterns(const std::vector<const NamedType*>& list) {
    Parts names;
    for (const NamedType* item : list) names.push_back(generalised(item->name));
    return names;
  }

  void concatenate() {
    for (const NamedType& weight : missing_) {
      const std::optional<Joined> joined = parts_of(weight, unused_);
      if (!joined) continue;
      done_.insert(weight.name);
      for (const NamedType* part : joined->parts) done_.insert(part->name);
      add(rule_text(concatenating_verb(),
                    list_in_quotes(patterns(joined->parts)),
                    in_quotes(generalised(weight.name)), joined->axis));
    }
  }

  void split_up() {
    for (const NamedType& tensor : unused_) {
      const std::optional<Joined> joined = parts_of(tensor, missing_);
      if (!joined) continue;
      done_.insert(tensor.name);
      for (const NamedType* part : joined->parts) done_.insert(part->name);
      add(rule_text(splitting_verb(), in_quotes(generalised(tensor.name)),
                    list_in_quotes(patterns(joined->parts)), joined->axis));
    }
  }

  void stack() {
    std::map<std::string, TensorType> unused;
    for (const NamedType& item : unused_) unused[item.name] = item.type;
    for (const NamedType& weight : missing_) {
      if (done_.count(weight.name) != 0) continue;
      const std::optional<Stack> stack = stack_of(weight, unused);
      if (!stack) continue;
      done_.insert(weight.name);
      done_.insert(stack->members.begin(), stack->members.end());
      add(rule_text(stacking_verb(), in_quotes(stack->pattern),
                    in_quotes(generalised(weight.name))));
    }
  }

  // The unused tensor that looks most like the weight.
  void alike(const NamedType& weight) {
    const NamedType* best = nullptr;
    double best_distance = 0;
    for (const NamedType& tensor : unused_) {
      if (done_.count(tensor.name) != 0) continue;
      const bool same = tensor.type.shape == weight.type.shape;
      if (!same && tensor.type.shape != transposed(weight.type.shape)) {
        continue;
      }
      const double distance =
          edit_distance(tensor.name, weight.name) + (same ? 0 : 1);
      if (best != nullptr && distance >= best_distance) continue;
      best = &tensor;
      best_distance = distance;
    }
    if (best == nullptr) return;
    const bool same = best->type.shape == weight.type.shape;
    add(rule_text(same ? renaming_verb() : transposing_verb(),
                  in_quotes(generalised(best->name)),
                  in_quotes(generalised(weight.name))));
  }

  // A weight that is stored the other way round under its own name.
  void turn(const MismatchedWeight& weight) {
    if (weight.declared.shape.size() < 2 ||
        weight.loaded.shape != transposed(weight.declared.shape)) {
      return;
    }
    add(cat({"{", transposing_verb(), ": ", in_quotes(generalised(weight.name)),
             "}"}));
  }

  const std::vector<NamedType>& missing_;
  const std::vector<NamedType>& unused_;
  std::set<std::string> done_;  // weights with a rule, tensors that it uses
  Parts rules_;
};

}  // namespace

std::string generalised(const std::string& name) {
  Parts parts = split(name, '.');
  char letter = 'i';
  for (std::string& part : parts) {
    if (is_digits(part)) part = cat({"{", letter++, "}"});
  }
  return join(parts, ".");
}

std::vector<std::string> propose_rules(const WeightReport& report) {
  if (!report.missing.empty() && !report.unused.empty()) {
    if (std::optional<std::string> rule = prefix_rule(report)) return {*rule};
  }
  return Proposal(report).run(report.mismatched);
}

}  // namespace lathe
