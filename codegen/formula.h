#pragma once
// What an array computes, whatever arrays it computes it of.
//
// Equal layers of a model differ in what they read and in nothing else. So an
// array's index expressions are a Formula over slots, which equal arrays share,
// and the array says which arrays fill the slots. A pass works on a formula
// once: a hundred equal layers cost it as many expressions as one.
//
// A formula's slots are numbered 0, 1, ... by first use, and an array fills no
// two of them alike: then arrays are equal if formulas and operands are.

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "interpreter/definition.h"
#include "interpreter/graph.h"

namespace lathe {

// Defined elsewhere: an input, a weight or a constant of the graph.
struct Given {
  NodeKind kind = NodeKind::kInput;
};

using ArrayKind = std::variant<Given, Compute, Scan, Update, Sort>;

struct Formula {
  DType dtype = DType::kFloat32;
  Shape shape;
  std::vector<Var> axes;  // one per dim; empty for Given
  ArrayKind kind;
};
using FormulaRef = std::shared_ptr<const Formula>;

// All expressions of a definition in a fixed order, and the same with other
// expressions put in their place.
std::vector<Expr> expressions_of(const ArrayKind& kind);
ArrayKind with_expressions(const ArrayKind& kind, std::vector<Expr> exprs);

// The loops in which expression `i` of expressions_of() is computed.
std::vector<ReduceAxis> loops_around(const Formula& formula, size_t i);

// Whether the definition depends on a symbolic dim.
bool mentions_symbols(const Formula& formula);

// `expr` with slot s read from slots[s].
Expr with_slots(const Expr& expr, const std::vector<int>& slots);
ArrayKind with_slots(const ArrayKind& kind, const std::vector<int>& slots);

// A formula whose slots have any numbers, as one; and what was the number of
// each of its slots.
struct NumberedFormula {
  FormulaRef formula;
  std::vector<int> slots;
};
NumberedFormula number_slots(Formula formula);

// Different formulas. They are made of nothing but what `add` was given.
class FormulaSet {
 public:
  // The first formula that is like this one in everything.
  FormulaRef add(FormulaRef formula);

 private:
  std::unordered_map<std::string, FormulaRef> known_;
};

// Numbers and formulas on which an answer depends. Formulas are told apart by
// their addresses, so a question holds them.
class Question {
 public:
  void clear() {
    text_.clear();
    formulas_.clear();
  }
  void add(int64_t number) { append(&number, sizeof number); }
  void add(const std::string& text) { text_.append(text).push_back('\0'); }
  void add(const FormulaRef& formula) {
    const Formula* address = formula.get();
    append(&address, sizeof address);
    formulas_.push_back(formula);
  }
  const std::string& text() const { return text_; }
  const std::vector<FormulaRef>& formulas() const { return formulas_; }

 private:
  void append(const void* bytes, size_t count) {
    text_.append(static_cast<const char*>(bytes), count);
  }

  std::string text_;
  std::vector<FormulaRef> formulas_;
};

// Answers to the questions of one kind: each is worked out once. Requires: an
// answer depends on nothing but what the question says.
template <typename Answer>
class Answers {
 public:
  template <typename WorkOut>
  const Answer& get(const Question& question, const WorkOut& work_out) {
    auto found = known_.find(question.text());
    if (found != known_.end()) return found->second;
    held_.push_back(question.formulas());
    return known_.emplace(question.text(), work_out()).first->second;
  }
  // The same for questions about one formula and nothing else.
  template <typename WorkOut>
  const Answer& get(const FormulaRef& formula, const WorkOut& work_out) {
    auto found = of_formula_.find(formula);
    if (found != of_formula_.end()) return found->second;
    return of_formula_.emplace(formula, work_out()).first->second;
  }
  // How many were worked out.
  int64_t size() const {
    return static_cast<int64_t>(known_.size() + of_formula_.size());
  }

 private:
  std::unordered_map<FormulaRef, Answer> of_formula_;
  std::unordered_map<std::string, Answer> known_;
  std::vector<std::vector<FormulaRef>> held_;
};

}  // namespace lathe
