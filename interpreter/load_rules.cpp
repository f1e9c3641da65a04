#include "interpreter/load_rules.h"

#include "spec/expression.h"
#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

// A weight may be made of renamed pieces of renamed tensors, no deeper.
constexpr int kMaxRuleDepth = 4;

const LoadVerb* find_verb(std::string_view name) {
  for (const LoadVerb& verb : load_verbs()) {
    if (verb.name == name) return &verb;
  }
  return nullptr;
}

std::vector<std::string> verb_names() {
  std::vector<std::string> names;
  for (const LoadVerb& verb : load_verbs()) names.emplace_back(verb.name);
  return names;
}

std::vector<std::string> patterns_of(const YamlNode& node) {
  if (node.is_scalar()) return {node.text};
  std::vector<std::string> patterns;
  for (const YamlRef& item : node.items) {
    if (!item->is_scalar()) {
      fail("L0502", item->span, "a pattern of tensor names is a text");
    }
    patterns.push_back(item->text);
  }
  if (patterns.empty()) {
    fail("L0502", node.span, "a rule needs a name or a list of names");
  }
  return patterns;
}

int64_t integer_of(const YamlNode& node) {
  Diagnostics diagnostics;
  const ExprRef expr = parse_expression(node, diagnostics);
  const bool negative = expr != nullptr && expr->kind == AstKind::kUnary &&
                        expr->text == "-" &&
                        expr->args[0]->kind == AstKind::kInt;
  if (negative) return -expr->args[0]->integer;
  if (expr != nullptr && expr->kind == AstKind::kInt) return expr->integer;
  fail("L0502", node.span, "this wants an int");
}

std::vector<int64_t> integers_of(const YamlNode& node) {
  if (!node.is_sequence()) fail("L0502", node.span, "this wants a list");
  std::vector<int64_t> values;
  for (const YamlRef& item : node.items) values.push_back(integer_of(*item));
  return values;
}

// Reads one key of a rule other than its verb; false if it is unknown.
bool read_key(const YamlEntry& entry, LoadRuleSpec& rule) {
  const LoadVerb& verb = *rule.verb;
  if (entry.key == "to") {
    rule.to = patterns_of(*entry.value);
  } else if (entry.key == "axis" && verb.takes_axis) {
    rule.axis = integer_of(*entry.value);
  } else if (entry.key == "axes" && verb.takes_axes) {
    rule.axes = integers_of(*entry.value);
  } else if (entry.key == "sizes" && verb.shape == LoadShape::kSelect) {
    rule.sizes = integers_of(*entry.value);
  } else {
    return false;
  }
  return true;
}

void check_rule(LoadRuleSpec& rule) {
  const LoadVerb& verb = *rule.verb;
  const std::string name = cat({"`", verb.name, "`"});
  if (rule.to.empty()) rule.to = rule.from;
  if (verb.shape != LoadShape::kMany && rule.from.size() != 1) {
    fail("L0502", rule.span, name + " takes one tensor");
  }
  if (verb.shape != LoadShape::kSelect && rule.to.size() != 1) {
    fail("L0502", rule.span, name + " makes one weight: give `to`");
  }
  if (verb.takes_axes && rule.axes.empty()) {
    fail("L0502", rule.span, name + " needs `axes`",
         "as in `{permute: a, to: b, axes: [1, 0]}`");
  }
  if (!rule.sizes.empty() && rule.sizes.size() != rule.to.size()) {
    fail("L0502", rule.span,
         cat({name, " has ", rule.sizes.size(), " sizes for ", rule.to.size(),
              " weights"}));
  }
}

LoadRuleSpec read_rule(const LoadRule& decl) {
  LoadRuleSpec rule;
  rule.span = decl.span;
  const YamlNode& node = *decl.rule;
  for (const YamlEntry& entry : node.entries) {
    const LoadVerb* verb = find_verb(entry.key);
    if (verb == nullptr) continue;
    if (rule.verb != nullptr) {
      fail("L0502", entry.key_span,
           cat({"a rule does one thing, and this is both `", rule.verb->name,
                "` and `", verb->name, "`"}));
    }
    rule.verb = verb;
    rule.from = patterns_of(*entry.value);
  }
  if (rule.verb == nullptr) {
    const std::string first =
        node.entries.empty() ? "" : node.entries[0].key;
    std::string help = did_you_mean(first, verb_names());
    if (help.empty()) help = "a rule is one of: " + join(verb_names(), ", ");
    fail("L0502",
         node.entries.empty() ? node.span : node.entries[0].key_span,
         cat({"`", first, "` is no rule"}), help);
  }
  for (const YamlEntry& entry : node.entries) {
    if (entry.key == rule.verb->name || read_key(entry, rule)) continue;
    fail("L0502", entry.key_span,
         cat({"`", rule.verb->name, "` has no field `", entry.key, "`"}));
  }
  check_rule(rule);
  return rule;
}

class Planner {
 public:
  Planner(const std::vector<LoadRuleSpec>& rules, const HasTensor& has)
      : rules_(rules), has_(has) {}

  std::optional<WeightPlan> plan(const std::string& name, int depth,
                                 const LoadRuleSpec* used) {
    if (depth <= kMaxRuleDepth) {
      for (const LoadRuleSpec& rule : rules_) {
        if (&rule == used) continue;
        if (auto found = by_rule(rule, name, depth)) return found;
      }
    }
    if (!has_(name)) return std::nullopt;
    WeightPlan own;
    own.stored = name;
    return own;
  }

 private:
  std::optional<WeightPlan> by_rule(const LoadRuleSpec& rule,
                                    const std::string& name, int depth) {
    for (size_t i = 0; i < rule.to.size(); ++i) {
      const std::optional<Captures> captures = match_name(rule.to[i], name);
      if (!captures) continue;
      WeightPlan result;
      result.rule = &rule;
      result.target = i;
      result.captures = *captures;
      for (const std::string& from : rule.from) {
        if (!add_sources(rule, from, *captures, depth, result.parts)) {
          return std::nullopt;
        }
      }
      return result;
    }
    return std::nullopt;
  }

  // Adds the sources that a pattern stands for: one, or with a placeholder
  // that the target does not have, as many as there are.
  bool add_sources(const LoadRuleSpec& rule, const std::string& pattern,
                   const Captures& captures, int depth,
                   std::vector<WeightPlan>& parts) {
    const std::optional<std::string> name = fill_pattern(pattern, captures);
    if (!name) return false;
    const std::string open = open_placeholder(*name);
    if (open.empty()) return add_source(rule, *name, depth, parts);
    Captures counted = captures;
    const size_t before = parts.size();
    for (int64_t i = 0;; ++i) {
      counted.names[open] = std::to_string(i);
      if (!add_source(rule, *fill_pattern(pattern, counted), depth, parts)) {
        break;
      }
    }
    return parts.size() > before;
  }

  bool add_source(const LoadRuleSpec& rule, const std::string& name,
                  int depth, std::vector<WeightPlan>& parts) {
    auto part = plan(name, depth + 1, &rule);
    if (!part) return false;
    parts.push_back(std::move(*part));
    return true;
  }

  const std::vector<LoadRuleSpec>& rules_;
  const HasTensor& has_;
};

// The size of part i of a split.
Dim part_size(const WeightPlan& plan, size_t i, const Shape& source,
              const std::vector<GraphWeight>& weights) {
  const LoadRuleSpec& rule = *plan.rule;
  if (!rule.sizes.empty()) return rule.sizes[i];
  const int64_t rank = static_cast<int64_t>(source.size());
  const int64_t axis = rule.axis < 0 ? rule.axis + rank : rule.axis;
  const auto name = fill_pattern(rule.to[i], plan.captures);
  for (const GraphWeight& weight : weights) {
    const bool fits =
        static_cast<int64_t>(weight.type.shape.size()) > axis && axis >= 0;
    if (name && weight.path == *name && fits) {
      return weight.type.shape[static_cast<size_t>(axis)];
    }
  }
  if (axis < 0 || axis >= rank) return 0;
  return floordiv(source[static_cast<size_t>(axis)],
                  static_cast<int64_t>(rule.to.size()));
}

}  // namespace

const std::vector<LoadVerb>& load_verbs() {
  static const std::vector<LoadVerb> table = {
      {"rename", LoadShape::kOne, ""},
      {"transpose", LoadShape::kOne, "transpose"},
      {"permute", LoadShape::kOne, "permute", false, true},
      {"concatenate", LoadShape::kMany, "concat", true},
      {"stack", LoadShape::kMany, "stack", true},
      {"split", LoadShape::kSelect, "slice", true},
  };
  return table;
}

std::string_view renaming_verb() { return "rename"; }
std::string_view transposing_verb() { return "transpose"; }
std::string_view concatenating_verb() { return "concatenate"; }
std::string_view stacking_verb() { return "stack"; }
std::string_view splitting_verb() { return "split"; }
std::string_view conversion_op() { return "cast"; }
std::string_view reshaping_op() { return "reshape"; }

LoadRuleSpec renaming_rule(std::string from, std::string to) {
  LoadRuleSpec rule;
  rule.verb = find_verb(renaming_verb());
  rule.from = {std::move(from)};
  rule.to = {std::move(to)};
  return rule;
}

std::vector<LoadRuleSpec> read_load_rules(const CheckpointDecl& checkpoint,
                                          Diagnostics& diagnostics) {
  std::vector<LoadRuleSpec> rules;
  for (const LoadRule& decl : checkpoint.load) {
    try {
      rules.push_back(read_rule(decl));
    } catch (const SpecError& error) {
      diagnostics.add_all(error.diagnostics());
    }
  }
  return rules;
}

std::optional<WeightPlan> plan_weight(const std::vector<LoadRuleSpec>& rules,
                                      const std::string& path,
                                      const HasTensor& has) {
  return Planner(rules, has).plan(path, 0, nullptr);
}

std::pair<Dim, Dim> split_range(const WeightPlan& plan, const Shape& source,
                                const std::vector<GraphWeight>& weights) {
  const LoadRuleSpec& rule = *plan.rule;
  Dim start = 0, end = 0;
  std::vector<std::string> sizes;
  for (size_t i = 0; i < rule.to.size(); ++i) {
    const Dim size = part_size(plan, i, source, weights);
    if (i == plan.target) start = end;
    end += size;
    sizes.push_back(size.to_string());
  }
  const int64_t rank = static_cast<int64_t>(source.size());
  const int64_t axis = rule.axis < 0 ? rule.axis + rank : rule.axis;
  const bool has_axis = axis >= 0 && axis < rank;
  if (has_axis && end != source[static_cast<size_t>(axis)]) {
    fail("L0502", rule.span,
         cat({"`", rule.verb->name, "` makes parts of ", join(sizes, ", "),
              ", and axis ", rule.axis, " of `",
              fill_pattern(rule.from[0], plan.captures).value_or(rule.from[0]),
              "` has ", source[static_cast<size_t>(axis)].to_string()}));
  }
  return {start, start + part_size(plan, plan.target, source, weights)};
}

std::vector<std::string> names_of_tensor(
    const std::vector<LoadRuleSpec>& rules, const std::string& tensor) {
  std::vector<std::string> names = {tensor};
  for (const LoadRuleSpec& rule : rules) {
    if (!rule.verb->op.empty()) continue;
    const std::optional<Captures> captures = match_name(rule.from[0], tensor);
    if (!captures) continue;
    if (auto name = fill_pattern(rule.to[0], *captures)) {
      names.push_back(std::move(*name));
    }
  }
  return names;
}

}  // namespace lathe
