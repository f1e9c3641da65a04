#include "codegen/stage_graph.h"

#include <algorithm>
#include <set>

#include "codegen/rewrite.h"
#include "spec/check.h"

namespace lathe {
namespace {

// Text that looks like one of a definition, by way of the printer there.
std::string body_text(const Array& array) {
  if (auto* given = std::get_if<Given>(&array.kind())) {
    return given->kind == NodeKind::kInput    ? "input"
           : given->kind == NodeKind::kWeight ? "weight"
                                              : "literal";
  }
  std::string text;
  for (const Expr& expr : expressions_of(array.kind())) {
    text += (text.empty() ? "" : " ; ") +
            to_string(with_slots(expr, array.operands));
  }
  return text;
}

}  // namespace

void SlotFiller::fill(Array& array, const FormulaRef& formula) {
  std::vector<ArrayId>& operands = array.operands;
  array.formula = formula;
  bool alike = false;
  for (size_t i = 1; i < operands.size() && !alike; ++i) {
    const auto end = operands.begin() + static_cast<std::ptrdiff_t>(i);
    alike = std::find(operands.begin(), end, operands[i]) != end;
  }
  if (!alike) return;
  std::vector<ArrayId> different;
  std::vector<int> slots;
  for (ArrayId operand : operands) {
    auto found = std::find(different.begin(), different.end(), operand);
    slots.push_back(static_cast<int>(found - different.begin()));
    if (found == different.end()) different.push_back(operand);
  }
  Question question;
  question.add(formula);
  for (int slot : slots) question.add(slot);
  array.formula = merged_.get(question, [&] {
    Formula merged = *formula;
    merged.kind = with_slots(merged.kind, slots);
    return std::make_shared<const Formula>(std::move(merged));
  });
  operands = std::move(different);
}

void SlotFiller::fill(Array& array, const NumberedFormula& formula,
                      const std::vector<ArrayId>& numbered) {
  array.operands.clear();
  for (int slot : formula.slots) array.operands.push_back(numbered[slot]);
  fill(array, formula.formula);
}

std::vector<ArrayId> operands_of(const Array& array) {
  std::vector<ArrayId> ids = array.operands;
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::string to_string(const StageGraph& graph) {
  std::string text;
  for (size_t id = 0; id < graph.arrays.size(); ++id) {
    const Array& a = graph.arrays[id];
    std::string axes;
    for (const Var& axis : a.axes()) {
      axes += (axes.empty() ? "" : ", ") + axis->name;
    }
    text += cat({"in", id, " ", a.name, "[", axes, "] : ", to_string(a.dtype()),
                 to_string(a.shape()), " = ", body_text(a),
                 a.at_load ? "  # at load" : "", a.stored ? "  # output" : "",
                 "\n"});
  }
  return text;
}

namespace {

// Slots are numbered by first use, and no two are filled alike.
void verify_slots(const Array& array) {
  const size_t count = array.operands.size();
  size_t next = 0;
  for (const Expr& expr : expressions_of(array.kind())) {
    for (const Expr& e : loads_of(expr)) {
      const int slot = std::get<Load>(e->node).slot;
      LATHE_CHECK(slot >= 0 && static_cast<size_t>(slot) <= next, array.name,
                  ": slot ", slot, " is used before slot ", next);
      if (static_cast<size_t>(slot) == next) ++next;
    }
  }
  LATHE_CHECK(next == count, array.name, ": ", next, " slots of ", count,
              " arrays");
  LATHE_CHECK(std::set<ArrayId>(array.operands.begin(), array.operands.end())
                      .size() == count,
              array.name, ": two slots hold one array");
}

}  // namespace

void verify(const StageGraph& graph) {
  for (size_t id = 0; id < graph.arrays.size(); ++id) {
    const Array& a = graph.arrays[id];
    verify_slots(a);
    std::set<const VarInfo*> known;
    for (const Var& axis : a.axes()) known.insert(axis.get());
    if (auto* update = std::get_if<Update>(&a.kind())) {
      for (const ReduceAxis& axis : update->domain) {
        known.insert(axis.var.get());
      }
    }
    LATHE_CHECK(graph.is_given(static_cast<int>(id)) ||
                    a.axes().size() == a.shape().size(),
                a.name, ": axes and shape differ in rank");
    for (const Expr& expr : expressions_of(a.kind())) {
      for (const VarInfo* v : free_vars(expr)) {
        LATHE_CHECK(known.count(v), a.name, ": ", v->name, " is not bound");
      }
      for (const Expr& e : loads_of(expr)) {
        auto& load = std::get<Load>(e->node);
        const ArrayId operand = a.operands[load.slot];
        LATHE_CHECK(operand >= 0 && operand < static_cast<int>(id), a.name,
                    ": loads in", operand);
        const Array& from = graph.arrays[operand];
        LATHE_CHECK(load.dtype == from.dtype(), a.name, ": reads ", from.name,
                    " as ", to_string(load.dtype));
        LATHE_CHECK(load.index.size() == from.shape().size(), a.name,
                    ": reads ", from.name, " with another rank");
      }
    }
  }
}

}  // namespace lathe
