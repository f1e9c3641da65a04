#include "interpreter/initializer.h"

#include "interpreter/plain_expression.h"
#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

using Kind = Initializer::Kind;

// A distribution with the names of its two numbers and their defaults.
struct Distribution {
  std::string_view name;
  Kind kind;
  std::string_view first, second;
  double first_default, second_default;
};

constexpr Distribution kDistributions[] = {
    {"zeros", Kind::kConstant, "", "", 0, 0},
    {"ones", Kind::kConstant, "", "", 1, 0},
    {"normal", Kind::kNormal, "mean", "std", 0, 0.02},
    {"uniform", Kind::kUniform, "low", "high", -0.05, 0.05},
};

const Distribution* find_distribution(std::string_view name) {
  for (const Distribution& row : kDistributions) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

[[noreturn]] void unknown_distribution(std::string_view name,
                                       const SourceSpan& span) {
  std::vector<std::string> names = {"constant"};
  for (const Distribution& row : kDistributions) {
    names.emplace_back(row.name);
  }
  std::string help = did_you_mean(name, names);
  if (help.empty()) help = "there are: " + join(names, ", ");
  fail("L0330", span, cat({"there is no `init` called `", name, "`"}), help);
}

double read_number(Elaborator& e, const YamlNode& node, const Scope& scope) {
  const Datum value = e.evaluate(*e.expression_of(node), scope);
  return value.unknown() ? 0 : known_number(value, node.span);
}

void read_numbers(Elaborator& e, const YamlNode& node, const Scope& scope,
                  const Distribution& row, Initializer& result) {
  if (node.is_empty()) return;
  if (!node.is_mapping()) {
    fail("L0331", node.span,
         cat({"`", row.name, "` wants a mapping with `", row.first, "` and `",
              row.second, "`"}));
  }
  for (const YamlEntry& entry : node.entries) {
    const double number = read_number(e, *entry.value, scope);
    if (entry.key == row.first) {
      result.first = number;
    } else if (entry.key == row.second) {
      result.second = number;
    } else {
      fail("L0211", entry.key_span,
           cat({"`", row.name, "` has no field `", entry.key, "`"}),
           cat({"it has `", row.first, "` and `", row.second, "`"}));
    }
  }
}

Initializer of_distribution(const Distribution& row) {
  return {row.kind, row.first_default, row.second_default, 0};
}

Initializer constant(double value) { return {Kind::kConstant, value, 0, 0}; }

}  // namespace

Initializer read_initializer(Elaborator& elaborator, const YamlNode& node,
                             const Scope& scope) {
  if (node.is_scalar()) {
    if (const Distribution* row = find_distribution(node.text)) {
      return of_distribution(*row);
    }
    const bool word = is_identifier(node.text) && !is_reserved(node.text);
    if (word && !elaborator.find_name(node.text, scope, node.span)) {
      unknown_distribution(node.text, node.span);
    }
    return constant(read_number(elaborator, node, scope));
  }
  if (!node.is_mapping()) {
    fail("L0331", node.span, "`init` wants a number or a mapping");
  }
  Initializer result;
  int64_t seed = 0;
  for (const YamlEntry& entry : node.entries) {
    if (entry.key == "seed") {
      const double number = read_number(elaborator, *entry.value, scope);
      seed = static_cast<int64_t>(number);
    } else if (entry.key == "constant") {
      result = constant(read_number(elaborator, *entry.value, scope));
    } else if (const Distribution* row = find_distribution(entry.key)) {
      result = of_distribution(*row);
      read_numbers(elaborator, *entry.value, scope, *row, result);
    } else {
      unknown_distribution(entry.key, entry.key_span);
    }
  }
  result.seed = seed;
  return result;
}

}  // namespace lathe
