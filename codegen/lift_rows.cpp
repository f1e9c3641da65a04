#include "codegen/lift_rows.h"

#include <algorithm>
#include <optional>

#include "codegen/rewrite.h"
#include "spec/text.h"

namespace lathe {
namespace {

// A table may have this part of the elements of the rows that read it.
constexpr int64_t kElementsPerEntry = 4;

class Lifter {
 public:
  Lifter(StageGraph& graph, const Cluster& table, const Cluster& reader,
         Answers<NumberedFormula>& known)
      : graph_(graph), table_(table), reader_(reader), known_(known) {}

  bool run() {
    if (reader_.row_axes == 0 || !find_rows() || !is_worth_it()) return false;
    const FormulaRef model = graph_.arrays[reader_.arrays[0]].formula;
    for (ArrayId id : table_.arrays) {
      Array& array = graph_.arrays[id];
      Question question = question_of("table", array);
      question.add(model);
      compute(array, known_.get(question, [&] {
        return number_slots(lifted(*array.formula, *model));
      }));
    }
    for (ArrayId id : reader_.arrays) {
      Array& array = graph_.arrays[id];
      Question question = question_of("reader", array);
      for (ArrayId operand : array.operands) question.add(in_table(operand));
      compute(array, known_.get(question, [&] {
        return number_slots(reading_lifted(array));
      }));
    }
    return true;
  }

 private:
  static const Expr& body(const Array& array) {
    return std::get<Compute>(array.kind()).body;
  }
  bool in_table(ArrayId id) const {
    return std::binary_search(table_.arrays.begin(), table_.arrays.end(), id);
  }

  Question question_of(const char* what, const Array& array) const {
    Question question;
    question.add(std::string(what));
    question.add(array.formula);
    question.add(reader_.row_axes);
    for (int row : row_of_) question.add(row);
    return question;
  }

  static void compute(Array& array, const NumberedFormula& with) {
    const std::vector<ArrayId> numbered = array.operands;
    SlotFiller().fill(array, with, numbered);
  }

  // Which row axis each table axis follows; -1: it is the table's own. All
  // arrays of the table must have one shape and be maps of other data.
  bool find_rows() {
    const Shape& shape = graph_.arrays[table_.arrays[0]].shape();
    row_of_.assign(shape.size(), -2);
    for (ArrayId id : table_.arrays) {
      const Array& array = graph_.arrays[id];
      if (array.shape() != shape || array.stored) return false;
      for (ArrayId operand : operands_of(array)) {
        if (in_table(operand)) return false;
      }
    }
    for (ArrayId id : reader_.arrays) {
      const Array& array = graph_.arrays[id];
      for (const Expr& e : loads_of(body(array))) {
        auto& node = std::get<Load>(e->node);
        if (in_table(array.operands[node.slot])) note_read(array, node);
      }
    }
    for (size_t i = 0; i < shape.size(); ++i) {
      if (row_of_[i] == -2) return false;
      if (row_of_[i] == -1 && !shape[i].is_static()) return false;
    }
    return keeps_checks();
  }

  // Entries that no row reads are not made any more; that is no way to leave
  // out an index check.
  bool keeps_checks() const {
    const Array& reader = graph_.arrays[reader_.arrays[0]];
    return std::all_of(
        table_.arrays.begin(), table_.arrays.end(), [&](ArrayId id) {
          const Array& array = graph_.arrays[id];
          if (!contains<CheckedIndex>(body(array))) return true;
          for (size_t i = 0; i < row_of_.size(); ++i) {
            if (row_of_[i] < 0) continue;
            if (array.shape()[i] != reader.shape()[row_of_[i]]) return false;
          }
          return true;
        });
  }

  void note_read(const Array& array, const Load& node) {
    for (size_t i = 0; i < node.index.size(); ++i) {
      int row = -1;
      auto* ref = std::get_if<VarRef>(&node.index[i]->node);
      for (int r = 0; ref && r < reader_.row_axes; ++r) {
        if (ref->var == array.axes()[r]) row = r;
      }
      row_of_[i] = row_of_[i] == -2 || row_of_[i] == row ? row : -1;
    }
  }

  // Entries a row against elements that the reader computes a row.
  bool is_worth_it() const {
    const Shape& shape = graph_.arrays[table_.arrays[0]].shape();
    int64_t entries = 1;
    for (size_t i = 0; i < shape.size(); ++i) {
      if (row_of_[i] < 0) entries *= shape[i].value();
    }
    entries *= static_cast<int64_t>(table_.arrays.size());
    Dim elements = 0;
    for (ArrayId id : reader_.arrays) {
      const Shape& own = graph_.arrays[id].shape();
      elements += numel(Shape(own.begin() + reader_.row_axes, own.end()));
    }
    return provably_at_least(elements, entries * kElementsPerEntry);
  }

  Formula lifted(const Formula& formula, const Formula& model) const {
    Formula out{formula.dtype, {}, {}, {}};
    for (int r = 0; r < reader_.row_axes; ++r) {
      out.axes.push_back(make_var(model.axes[r]->name));
      out.shape.push_back(model.shape[r]);
    }
    Substitution renamed;
    for (size_t i = 0; i < row_of_.size(); ++i) {
      if (row_of_[i] >= 0) {
        renamed[formula.axes[i].get()] = var(out.axes[row_of_[i]]);
      } else {
        out.axes.push_back(formula.axes[i]);
        out.shape.push_back(formula.shape[i]);
      }
    }
    const Expr& whole = std::get<Compute>(formula.kind).body;
    out.kind = Compute{substitute(whole, renamed)};
    return out;
  }

  Formula reading_lifted(const Array& array) const {
    Rewriter rewrite([&](const Expr& e) -> Expr {
      auto* node = std::get_if<Load>(&e->node);
      if (!node || !in_table(array.operands[node->slot])) return {};
      std::vector<Expr> index;
      for (int r = 0; r < reader_.row_axes; ++r) {
        index.push_back(var(array.axes()[r]));
      }
      for (size_t i = 0; i < row_of_.size(); ++i) {
        if (row_of_[i] < 0) index.push_back(node->index[i]);
      }
      return load(node->slot, node->dtype, std::move(index));
    });
    Formula out = *array.formula;
    out.kind = Compute{rewrite(body(array))};
    return out;
  }

  StageGraph& graph_;
  const Cluster& table_;
  const Cluster& reader_;
  Answers<NumberedFormula>& known_;
  std::vector<int> row_of_;
};

}  // namespace

bool lift_into_rows(StageGraph& graph, const Cluster& table,
                    const Cluster& reader, Answers<NumberedFormula>& known) {
  return Lifter(graph, table, reader, known).run();
}

}  // namespace lathe
