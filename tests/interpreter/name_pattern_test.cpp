#include "interpreter/name_pattern.h"

#include <doctest/doctest.h>

#include "interpreter/fold_names.h"
#include "spec/text.h"

namespace lathe {
namespace {

// The name that a rule from -> to gives `name`, or "no match".
std::string renamed(const std::string& from, const std::string& to,
                    const std::string& name) {
  const std::optional<Captures> captures = match_name(from, name);
  if (!captures) return "no match";
  return fill_pattern(to, *captures).value_or("too many stars");
}

}  // namespace

TEST_CASE("name pattern: stars keep what they stand for") {
  CHECK_EQ(renamed("bert.*", "*", "bert.a.b"), "a.b");
  CHECK_EQ(renamed("*.w", "*.weight", "h.0.w"), "h.0.weight");
  CHECK_EQ(renamed("*.x.*", "*.y.*", "a.x.b"), "a.y.b");
  CHECK_EQ(renamed("bert.*", "*", "model.a"), "no match");
  CHECK_EQ(renamed("a", "b*", "a"), "too many stars");
  CHECK_EQ(renamed("", "", ""), "");
}

TEST_CASE("name pattern: a placeholder is one part between dots") {
  CHECK_EQ(renamed("h.{i}.w", "layers.{i}.weight", "h.12.w"),
           "layers.12.weight");
  CHECK_EQ(renamed("h.{i}", "{i}", "h.1.w"), "no match");
  CHECK_EQ(renamed("{i}.{i}", "{i}", "3.3"), "3");
  CHECK_EQ(renamed("{i}.{i}", "{i}", "3.4"), "no match");
  CHECK_EQ(renamed("a.{i}", "b.{j}", "a.1"), "b.{j}");
}

TEST_CASE("fold names: what differs in one number is one line") {
  const auto folded = [](const std::vector<std::string>& names) {
    return join(fold_names(names, 3), "\n");
  };
  CHECK_EQ(folded({"h.0.w", "h.1.w", "h.2.w"}), "h.{0\u20262}.w");
  CHECK_EQ(folded({"h.0.w", "h.2.w", "h.3.w"}), "h.{0,2\u20263}.w");
  CHECK_EQ(folded({"h.0.w", "norm"}), "h.0.w\nnorm");
  CHECK_EQ(folded({"0.w", "1.w"}), "{0\u20261}.w");
  CHECK_EQ(folded({"a", "b", "c", "d"}), "a\nb\nand 2 more");
}

}  // namespace lathe
