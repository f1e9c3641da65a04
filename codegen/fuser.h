#pragma once
// The state of one run of fuse(): the clusters so far, and the rules. fuse.cpp
// explains them and holds those for readers; fuse_others.cpp those for
// siblings, tables and attention.

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "codegen/clusters.h"
#include "codegen/contraction.h"
#include "codegen/passes.h"
#include "codegen/rewrite.h"

namespace lathe {

// Arrays in one kernel; beyond it the text becomes unreadable and slow to
// compile.
inline constexpr size_t kMostArrays = 48;
// Results of one row that reductions may leave on the stack.
inline constexpr int64_t kMostRowResults = 1024;
// Elements that one core may as well do alone.
inline constexpr int64_t kMostSerialElements = 1 << 18;

class Fuser {
 public:
  Fuser(StageGraph& graph, const Accepts& accepts)
      : graph_(graph),
        accepts_(accepts),
        clusters_(graph),
        known_(graph.arrays.size()) {}

  std::vector<Cluster> run();

 private:
  const Array& array(ArrayId id) const { return graph_.arrays[id]; }
  const Expr& body(ArrayId id) const {
    return std::get<Compute>(array(id).kind()).body;
  }
  bool reduces(ArrayId id) const {
    return std::holds_alternative<Reduce>(body(id)->node);
  }

  // What is asked of a formula again and again.
  struct FusionFacts {
    std::vector<Expr> loads;
    std::optional<Contraction> product;
    // Of a product: its left operand and the storage of the right one as text,
    // and the slots of the left operand, in the text's order.
    std::string left;
    std::vector<int> left_slots;
  };
  const FusionFacts& about(ArrayId id) const;

  // Both factors must have output axes of their own, else it is a weighted
  // sum along rows; but weights with axes of their own make a product with
  // even one row.
  const std::optional<Contraction>& product(ArrayId id) const {
    return about(id).product;
  }

  GroupKind kind_of(ArrayId id) const {
    if (!std::holds_alternative<Compute>(array(id).kind())) {
      return GroupKind::kSequential;
    }
    return product(id) ? GroupKind::kContraction : GroupKind::kRow;
  }
  int row_axes_of(ArrayId id) const {
    return static_cast<int>(array(id).shape().size());
  }

  void join_operands(ArrayId id);

  // Joins `from` into `to`, which reads it, if a rule allows it.
  bool try_join(int from, int to);

  bool at_load(const Cluster& c) const { return array(c.arrays[0]).at_load; }

  static std::vector<ArrayId> together(const Cluster& a, const Cluster& b) {
    std::vector<ArrayId> all;
    std::merge(a.arrays.begin(), a.arrays.end(), b.arrays.begin(),
               b.arrays.end(), std::back_inserter(all));
    return all;
  }

  // How many leading indices of the load are the reader's own leading axes.
  int shared_axes(ArrayId reader, const Load& node) const;
  // The array that it loads.
  const Array& source(ArrayId reader, const Load& node) const {
    return array(array(reader).operands[node.slot]);
  }

  // Calls visit(reader, load) for what arrays of `b` read of `a`.
  template <typename Visit>
  void for_each_read(const Cluster& a, const Cluster& b,
                     const Visit& visit) const {
    for (ArrayId reader : b.arrays) {
      for (const Expr& e : about(reader).loads) {
        auto& node = std::get<Load>(e->node);
        const ArrayId from = array(reader).operands[node.slot];
        if (std::binary_search(a.arrays.begin(), a.arrays.end(), from)) {
          visit(reader, node);
        }
      }
    }
  }

  std::optional<Cluster> join_rows(const Cluster& a, const Cluster& b) const;
  // By the axes that come first everywhere, or by any that all have: rows over
  // more axes, whose elements then lie apart in some of the arrays.
  std::optional<Cluster> join_first_axes(const Cluster& a,
                                         const Cluster& b) const;
  std::optional<Cluster> join_any_axes(const Cluster& a,
                                       const Cluster& b) const;
  // By first axes, of which a map counts the last one in two parts.
  std::optional<Cluster> join_split_axes(const Cluster& a,
                                         const Cluster& b) const;
  std::optional<SplitAxis> split_for(const Cluster& a, const Cluster& b) const;
  // Whether the group of the cluster sees all arrays as they are.
  static bool in_order(const Cluster& c) {
    return c.order.empty() && c.split.empty();
  }
  // The axes of an array of the cluster, row axes first.
  std::vector<int> axes_of(const Cluster& c, ArrayId id) const;
  bool follows(const Cluster& a, int from, const Cluster& b, int to) const;

  bool is_map(const Cluster& c) const;

  // Reductions leave little behind, and all else fits on the stack.
  bool rows_hold(const Cluster& c) const;

  bool small_without_rows(const Cluster& c) const;

  // Maps at the point where the products of `a` are made; products of `b`
  // must be siblings.
  std::optional<Cluster> join_epilogue(const Cluster& a,
                                       const Cluster& b) const;

  // Equal for products that may share a kernel.
  std::string left_of(ArrayId id) const;

  bool same_left(const Cluster& a, const Cluster& b) const;

  void join_siblings();
  void join_tables();
  bool join_table(int c);
  void join_attention();
  void join_prologues();
  bool join_prologue(int rows, int c);
  bool independent(int a, int b) const {
    return !clusters_.reaches(a, b) && !clusters_.reaches(b, a);
  }
  std::string sibling_key(const Cluster& c) const;
  std::optional<Cluster> join_as_siblings(const Cluster& a,
                                          const Cluster& b) const;

  FusionFacts find_facts(ArrayId id) const;
  std::optional<Contraction> find_product(ArrayId id) const;
  void find_left(const Array& from, FusionFacts& facts) const;

  // What is known of an array with this formula.
  struct Known {
    FormulaRef formula;
    const FusionFacts* facts = nullptr;
  };

  StageGraph& graph_;
  const Accepts& accepts_;
  ClusterSet clusters_;
  mutable std::vector<Known> known_;  // by array
  mutable Answers<FusionFacts> facts_;
  mutable Answers<bool> rows_fit_;
  Answers<NumberedFormula> lifted_;
};

}  // namespace lathe
