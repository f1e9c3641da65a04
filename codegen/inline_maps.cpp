#include <algorithm>
#include <optional>

#include "codegen/fill_reader.h"
#include "codegen/passes.h"
#include "codegen/rewrite.h"

namespace lathe {
namespace {

std::vector<NodeId> nodes_of_both(const std::vector<NodeId>& a,
                                  const std::vector<NodeId>& b) {
  std::vector<NodeId> both;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(),
                 std::back_inserter(both));
  return both;
}

// Slices of one padded array that are not worth the array.
constexpr size_t kMostTaps = 4;

class Inliner {
 public:
  Inliner(StageGraph graph, bool codes_in_products)
      : graph_(std::move(graph)), codes_in_products_(codes_in_products) {
    readers_.resize(graph_.arrays.size());
    read_whole_.resize(graph_.arrays.size());
    for (size_t id = 0; id < graph_.arrays.size(); ++id) {
      for (ArrayId operand : graph_.arrays[id].operands) {
        readers_[operand].push_back(static_cast<int>(id));
      }
    }
  }

  StageGraph run() {
    // Producers first, so that bodies put into others are final.
    for (size_t id = 0; id < graph_.arrays.size(); ++id) {
      if (!graph_.is_given(static_cast<int>(id))) rewrite(graph_.arrays[id]);
    }
    graph_.formulas_worked_on += facts_.size() + filled_.size();
    return prune(std::move(graph_));
  }

 private:
  void rewrite(Array& array) {
    const std::vector<ArrayId> before = array.operands;
    fill(array);
    // Behind a view there may be padding, of which the taps of a convolution
    // take a slice each: they had better choose themselves.
    for (ArrayId id : array.operands) {
      const bool known =
          std::find(before.begin(), before.end(), id) != before.end();
      if (known || readers_[id].size() > kMostTaps) continue;
      if (!facts_about(graph_.arrays[id].formula).pads) continue;
      fill(array);
      return;
    }
  }

  void fill(Array& array) {
    FormulaReader reader{array.formula, array.stored, array.at_load, {}};
    std::vector<ArrayId> numbered = array.operands;
    for (ArrayId id : array.operands) {
      reader.producers.push_back(producer_of(id, numbered));
    }
    const FilledReader& filled = filled_.get(question_of(reader), [&] {
      FilledReader made = fill_reader(reader, codes_in_products_);
      made.formula.formula = formulas_.add(made.formula.formula);
      return made;
    });
    for (int slot : filled.taken) {
      const Array& taken = graph_.arrays[array.operands[slot]];
      array.work = nodes_of_both(array.work, taken.work);
    }
    filler_.fill(array, filled.formula, numbered);
  }

  // `numbered`: the arrays that have a number so far.
  FormulaSource producer_of(ArrayId id, std::vector<ArrayId>& numbered) {
    const Array& array = graph_.arrays[id];
    FormulaSource producer;
    producer.formula = array.formula;
    producer.facts = facts_about(array.formula);
    producer.stored = array.stored;
    producer.at_load = array.at_load;
    producer.widens = array.widens;
    if (!producer.fits()) return producer;
    producer.only_reader = readers_[id].size() == 1;
    producer.becomes_factor = producer.facts.makes_codes && becomes_factor(id);
    producer.read_whole = producer.facts.checks && read_whole(id);
    for (ArrayId operand : array.operands) {
      auto found = std::find(numbered.begin(), numbered.end(), operand);
      producer.slots.push_back(static_cast<int>(found - numbered.begin()));
      if (found == numbered.end()) numbered.push_back(operand);
    }
    return producer;
  }

  const Question& question_of(const FormulaReader& reader) {
    question_.clear();
    question_.add(reader.formula);
    question_.add(reader.stored << 1 | reader.at_load);
    for (const FormulaSource& producer : reader.producers) {
      question_.add(producer.formula);
      question_.add(producer.stored | producer.at_load << 1 |
                    producer.widens << 2 | producer.only_reader << 3 |
                    producer.becomes_factor << 4 | producer.read_whole << 5);
      for (int slot : producer.slots) question_.add(slot);
    }
    return question_;
  }

  const MapFacts& facts_about(const FormulaRef& formula) {
    return facts_.get(formula, [&] { return facts_of(*formula); });
  }

  // Whether a product reads the array, or cheap maps of it.
  bool becomes_factor(ArrayId id) {
    return std::any_of(
        readers_[id].begin(), readers_[id].end(), [&](ArrayId reader) {
          const MapFacts& facts = facts_about(graph_.arrays[reader].formula);
          if (facts.product) return true;
          return facts.map && facts.work != Work::kExpensive &&
                 becomes_factor(reader);
        });
  }

  // Whether some reader computes every element of the array. Answered before
  // the first of its readers changes.
  bool read_whole(ArrayId id) {
    std::optional<bool>& answer = read_whole_[id];
    if (answer) return *answer;
    answer = false;
    for (ArrayId reader : readers_[id]) {
      const Array& array = graph_.arrays[reader];
      Ranges ranges = ranges_of(*array.formula);
      for (const Expr& expr : expressions_of(array.kind())) {
        walk_always(simplify(expr, ranges), [&](const Expr& e) {
          if (auto* reduce = std::get_if<Reduce>(&e->node)) {
            for (const ReduceAxis& axis : reduce->axes) {
              ranges.add(axis.var, axis.extent);
            }
          }
          auto* node = std::get_if<Load>(&e->node);
          if (node && array.operands[node->slot] == id) {
            answer = *answer ||
                     visits_all(node->index, graph_.arrays[id].shape(), ranges);
          }
          return !*answer;
        });
      }
    }
    return *answer;
  }

  StageGraph graph_;
  bool codes_in_products_;
  Answers<MapFacts> facts_;
  Answers<FilledReader> filled_;
  // What equal readers of equal arrays become is equal, too: so it must be one
  // formula, or each layer of a chain would look different to the next.
  FormulaSet formulas_;
  Question question_;
  SlotFiller filler_;
  std::vector<std::vector<ArrayId>> readers_;
  std::vector<std::optional<bool>> read_whole_;
};

}  // namespace

StageGraph inline_maps(StageGraph graph, bool codes_in_products) {
  return Inliner(std::move(graph), codes_in_products).run();
}

}  // namespace lathe
