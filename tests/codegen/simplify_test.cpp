#include "codegen/simplify.h"

#include <doctest/doctest.h>

#include <random>

#include "codegen/rewrite.h"
#include "interpreter/scalar_ops.h"

namespace lathe {
namespace {

struct Space {
  Var c = make_var("c"), r = make_var("r");
  Ranges ranges;

  Space(const Dim& rows, const Dim& columns) {
    ranges.add(r, rows);
    ranges.add(c, columns);
  }
  std::string text(const Expr& e) { return to_string(simplify(e, ranges)); }
};

int64_t value_of(const Expr& expr, const DimBindings& dims,
                 const std::map<const VarInfo*, int64_t>& vars) {
  if (auto* literal = std::get_if<Literal>(&expr->node)) {
    return as_int(literal->value);
  }
  if (auto* size = std::get_if<SizeOf>(&expr->node)) {
    return size->dim.eval(dims);
  }
  if (auto* ref = std::get_if<VarRef>(&expr->node)) {
    return vars.at(ref->var.get());
  }
  auto& node = std::get<Call>(expr->node);
  std::vector<Number> args;
  for (const Expr& arg : node.args) {
    int64_t value = value_of(arg, dims, vars);
    arg->type == NumType::kBool ? args.emplace_back(value != 0)
                                : args.emplace_back(value);
  }
  return as_int(apply_scalar(node.op, node.args.back()->type, args));
}

// A random index expression over c, r and the dim H, of size `depth`.
Expr random_index(std::mt19937& random, const Space& space, int depth) {
  auto pick = [&](int n) { return static_cast<int>(random() % n); };
  if (depth == 0) {
    switch (pick(4)) {
      case 0:
        return int_literal(pick(9));
      case 1:
        return var(space.c);
      case 2:
        return var(space.r);
      default:
        return size_of(Dim::symbol("H") * (1 + pick(3)));
    }
  }
  Expr a = random_index(random, space, depth - 1);
  Expr b = random_index(random, space, pick(depth));
  switch (pick(8)) {
    case 0:
      return a + b;
    case 1:
      return a - b;
    case 2:
      return a * b;
    case 3:
      return a / int_literal(1 + pick(6));
    case 4:
      return a % int_literal(1 + pick(6));
    case 5:
      return a / size_of(Dim::symbol("H"));
    case 6:
      return a % size_of(Dim::symbol("H") * 2);
    default:
      return select(a < b, a, b);
  }
}

}  // namespace

TEST_CASE("simplify: splitting and joining an index is free") {
  Space s(Dim::symbol("T"), 768);
  Expr c = var(s.c), r = var(s.r);
  CHECK_EQ(s.text((c / 64) * 64 + c % 64), "c");
  CHECK_EQ(s.text((r * 768 + c) / 768), "r");
  CHECK_EQ(s.text((r * 768 + c) % 768), "c");
  CHECK_EQ(s.text((r * 768 + c) / 64 % 12), "c // 64");
  CHECK_EQ(s.text(c % 64 % 32), "c % 32");
}

TEST_CASE("simplify: symbolic extents divide out") {
  Dim h = Dim::symbol("H");
  Space s(Dim::symbol("T"), h);
  Expr c = var(s.c), r = var(s.r), width = size_of(h);
  CHECK_EQ(s.text((r * width + c) / width), "r");
  CHECK_EQ(s.text((r * width + c) % width), "c");
  CHECK_EQ(s.text((r * width + c) / (width * 2)), "r // 2");
}

TEST_CASE("simplify: comparisons that ranges decide are folded") {
  Space s(8, 16);
  Expr c = var(s.c), r = var(s.r);
  CHECK_EQ(s.text(select(c < 16, c, r)), "c");
  CHECK_EQ(s.text(select(r + 1 <= 0, c, r)), "r");
  CHECK_EQ(s.text(min(r, int_literal(7))), "r");
  CHECK_EQ(s.text(checked_index(r, int_literal(8), r, 0)), "r");
}

TEST_CASE("simplify: index checks stay where the index has no influence") {
  Space s(8, 16);
  Expr index = load(0, DType::kInt64, {var(s.c)});
  Expr check = checked_index(index, int_literal(4), var(s.c), 0);
  const std::string text = "checked(in0[c] < 4, site 0 at c)";
  CHECK_EQ(s.text(check * 16 + var(s.c)), "c + " + text + " * 16");
  CHECK_EQ(s.text((check * 16 + var(s.c)) / int_literal(16)), text);
  CHECK_EQ(s.text(check / int_literal(4)), text + " // 4");
  CHECK_EQ(s.text(check < int_literal(4)), text + " < 4");
  CHECK_EQ(s.text(check - check), text + " - " + text);
  // Where the other side of a choice is taken there is nothing to check.
  CHECK_EQ(s.text(select(var(s.c) < 16, var(s.r), check)), "r");
}

TEST_CASE("simplify: which indices take every element") {
  Space s(8, Dim::symbol("T"));
  Expr r = var(s.r), c = var(s.c), width = size_of(Dim::symbol("T"));
  const Shape shape = {8, Dim::symbol("T")};
  CHECK(visits_all({r, c}, shape, s.ranges));
  CHECK(visits_all({c, r}, {Dim::symbol("T"), 8}, s.ranges));
  CHECK(visits_all({r * width + c}, {Dim::symbol("T") * 8}, s.ranges));
  CHECK_FALSE(visits_all({r, r}, {8, 8}, s.ranges));
  CHECK_FALSE(visits_all({r, c}, {9, Dim::symbol("T")}, s.ranges));
  CHECK_FALSE(visits_all({r + 1, c}, shape, s.ranges));
  CHECK_FALSE(visits_all({r / int_literal(2), c}, {4, Dim::symbol("T")},
                         s.ranges));
}

TEST_CASE("simplify: random expressions keep their value") {
  std::mt19937 random(7);
  auto pick = [&](int n) { return static_cast<int>(random() % n); };
  for (int round = 0; round < 3000; ++round) {
    int64_t h = 1 + pick(7);
    Dim columns = round % 2 ? Dim::symbol("H") : Dim(1 + pick(12));
    Space space(1 + pick(9), columns);
    DimBindings dims = {{"H", h}};
    Expr expr = random_index(random, space, 1 + pick(4));
    Expr simple = simplify(expr, space.ranges);
    for (int64_t r = 0; r < space.ranges.extent(space.r.get())->eval(dims);
         ++r) {
      for (int64_t c = 0; c < columns.eval(dims); ++c) {
        std::map<const VarInfo*, int64_t> vars = {{space.c.get(), c},
                                                  {space.r.get(), r}};
        REQUIRE_MESSAGE(
            value_of(expr, dims, vars) == value_of(simple, dims, vars),
            to_string(expr), " became ", to_string(simple));
      }
    }
  }
}

}  // namespace lathe
