#include "codegen/lift_rows.h"

#include <algorithm>
#include <map>

#include "codegen/rewrite.h"
#include "spec/text.h"

namespace lathe {
namespace {

// A table may have this part of the elements of the rows that read it.
constexpr int64_t kElementsPerEntry = 4;
// Of an axis that no read has been seen of.
constexpr int kUnread = -2;

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
      const std::vector<int>& rows = row_of_.at(id);
      Question question = question_of("table", array);
      question.add(model);
      for (int row : rows) question.add(row);
      compute(array, known_.get(question, [&] {
        return number_slots(lifted(*array.formula, *model, rows));
      }));
    }
    for (const Cluster* c : {&table_, &reader_}) {
      for (ArrayId id : c->arrays) read_rows(graph_.arrays[id]);
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

  void read_rows(Array& array) {
    Question question = question_of("reader", array);
    for (ArrayId operand : array.operands) {
      question.add(in_table(operand));
      if (!in_table(operand)) continue;
      for (int row : row_of_.at(operand)) question.add(row);
    }
    compute(array, known_.get(question, [&] {
      return number_slots(reading_lifted(array));
    }));
  }

  Question question_of(const char* what, const Array& array) const {
    Question question;
    question.add(std::string(what));
    question.add(array.formula);
    question.add(reader_.row_axes);
    return question;
  }

  static void compute(Array& array, const NumberedFormula& with) {
    const std::vector<ArrayId> numbered = array.operands;
    SlotFiller().fill(array, with, numbered);
  }

  // Which row axis each axis of a table array follows; -1: it is its own.
  bool find_rows() {
    for (ArrayId id : table_.arrays) {
      const Array& array = graph_.arrays[id];
      if (array.stored) return false;
      row_of_[id].assign(array.shape().size(), kUnread);
    }
    for (ArrayId id : reader_.arrays) {
      const Array& array = graph_.arrays[id];
      std::vector<int> rows(array.shape().size(), -1);
      for (int r = 0; r < reader_.row_axes; ++r) rows[size_t(r)] = r;
      note_reads(array, rows);
    }
    // Readers within the table come after what they read.
    for (size_t i = table_.arrays.size(); i-- > 0;) {
      const ArrayId id = table_.arrays[i];
      note_reads(graph_.arrays[id], row_of_.at(id));
    }
    return std::all_of(
        table_.arrays.begin(), table_.arrays.end(),
        [&](ArrayId id) { return has_rows(id) && keeps_checks(id); });
  }

  // Every row makes its part of the table, even one that reads none of it: the
  // rows behind x in pad(x * table). So the table must have a part for each.
  bool has_rows(ArrayId id) const {
    const Shape& shape = graph_.arrays[id].shape();
    const Shape& reader = graph_.arrays[reader_.arrays[0]].shape();
    const std::vector<int>& rows = row_of_.at(id);
    for (size_t i = 0; i < shape.size(); ++i) {
      if (rows[i] == kUnread) return false;
      if (rows[i] < 0 && !shape[i].is_static()) return false;
      if (rows[i] < 0) continue;
      if (!provably_at_least(shape[i], reader[size_t(rows[i])])) return false;
    }
    return true;
  }

  // Entries that no row reads are not made any more; that is no way to leave
  // out an index check.
  bool keeps_checks(ArrayId id) const {
    const Array& array = graph_.arrays[id];
    const Array& reader = graph_.arrays[reader_.arrays[0]];
    if (!contains<CheckedIndex>(body(array))) return true;
    const std::vector<int>& rows = row_of_.at(id);
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] < 0) continue;
      if (array.shape()[i] != reader.shape()[size_t(rows[i])]) return false;
    }
    return true;
  }

  // `rows`: which row axis each axis of `array` follows.
  void note_reads(const Array& array, const std::vector<int>& rows) {
    for (const Expr& e : loads_of(body(array))) {
      auto& node = std::get<Load>(e->node);
      const ArrayId read = array.operands[node.slot];
      if (!in_table(read)) continue;
      std::vector<int>& row_of = row_of_.at(read);
      for (size_t i = 0; i < node.index.size(); ++i) {
        int row = -1;
        auto* ref = std::get_if<VarRef>(&node.index[i]->node);
        for (size_t a = 0; ref && a < rows.size(); ++a) {
          if (rows[a] >= 0 && ref->var == array.axes()[a]) row = rows[a];
        }
        row_of[i] = row_of[i] == kUnread || row_of[i] == row ? row : -1;
      }
    }
  }

  // Entries a row against elements that the reader computes a row.
  bool is_worth_it() const {
    int64_t entries = 0;
    for (const auto& [id, rows] : row_of_) {
      int64_t own = 1;
      for (size_t i = 0; i < rows.size(); ++i) {
        if (rows[i] < 0) own *= graph_.arrays[id].shape()[i].value();
      }
      entries += own;
    }
    Dim elements = 0;
    for (ArrayId id : reader_.arrays) {
      const Shape& own = graph_.arrays[id].shape();
      elements += numel(Shape(own.begin() + reader_.row_axes, own.end()));
    }
    return provably_at_least(elements, entries * kElementsPerEntry);
  }

  Formula lifted(const Formula& formula, const Formula& model,
                 const std::vector<int>& rows) const {
    Formula out{formula.dtype, {}, {}, {}};
    for (int r = 0; r < reader_.row_axes; ++r) {
      out.axes.push_back(make_var(model.axes[r]->name));
      out.shape.push_back(model.shape[r]);
    }
    Substitution renamed;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] >= 0) {
        renamed[formula.axes[i].get()] = var(out.axes[rows[i]]);
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
      const std::vector<int>& rows = row_of_.at(array.operands[node->slot]);
      for (size_t i = 0; i < rows.size(); ++i) {
        if (rows[i] < 0) index.push_back(node->index[i]);
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
  std::map<ArrayId, std::vector<int>> row_of_;  // by table array
};

}  // namespace

bool lift_into_rows(StageGraph& graph, const Cluster& table,
                    const Cluster& reader, Answers<NumberedFormula>& known) {
  return Lifter(graph, table, reader, known).run();
}

}  // namespace lathe
