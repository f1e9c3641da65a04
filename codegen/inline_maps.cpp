#include <algorithm>
#include <optional>

#include "codegen/contraction.h"
#include "codegen/passes.h"
#include "codegen/rewrite.h"
#include "codegen/simplify.h"

namespace lathe {
namespace {

// Nodes of a body as a tree, beyond which nothing more is put into it.
constexpr int64_t kLargeBody = 300;
// Operations that are cheaper to repeat than to store and load.
constexpr int64_t kCheapWork = 6;

// How much work an element of a map is.
enum class Work : uint8_t {
  kFree,       // another index into the same data, or a constant
  kCheap,      // a few additions, comparisons, selects
  kExpensive,  // division, functions, checked indices
};

int64_t tree_size(const Expr& expr) {
  int64_t size = 1;
  for (const Expr& child : children_of(expr)) {
    size += tree_size(child);
    if (size > kLargeBody) break;
  }
  return size;
}

// How often loads of `slot` occur in the body as a tree.
int64_t occurrences(const Expr& expr, int slot) {
  int64_t count = 0;
  if (auto* node = std::get_if<Load>(&expr->node)) count += node->slot == slot;
  for (const Expr& child : children_of(expr)) count += occurrences(child, slot);
  return count;
}

bool is_widening(const Cast& node) {
  auto* from = std::get_if<Load>(&node.arg->node);
  return from && is_float(from->dtype) && is_float(node.dtype) &&
         size_of(node.dtype) >= size_of(from->dtype);
}

Work work_of(const Expr& body) {
  if (std::holds_alternative<Load>(body->node) &&
      !contains<CheckedIndex>(body)) {
    return Work::kFree;
  }
  auto* widened = std::get_if<Cast>(&body->node);
  if (widened && is_widening(*widened) && !contains<CheckedIndex>(body)) {
    return Work::kFree;
  }
  if (!contains<Load>(body) && tree_size(body) <= 2) return Work::kFree;
  int64_t work = 0;
  bool slow = false;
  walk(body, [&](const Expr& e) {
    if (std::holds_alternative<CheckedIndex>(e->node)) slow = true;
    auto* call = std::get_if<Call>(&e->node);
    if (!call) return true;
    bool index = e->type == NumType::kInt64;
    work += index ? 0 : 1;
    slow = slow || call->op == ScalarOp::kDiv || call->op == ScalarOp::kPow ||
           (call->op >= ScalarOp::kExp && call->op <= ScalarOp::kSigmoid);
    return true;
  });
  if (slow || work > kCheapWork) return Work::kExpensive;
  // A condition on indices costs less than reading it from memory.
  return contains<Load>(body) ? Work::kCheap : Work::kFree;
}

// Whether the body makes numbers of codes, integers of eight bits. A product
// multiplies these faster than numbers, and reads less.
bool reads_codes(const Expr& body) {
  bool found = false;
  walk(body, [&](const Expr& e) {
    auto* node = std::get_if<Load>(&e->node);
    found = found || (node && node->dtype == DType::kInt8);
    return !found;
  });
  return found && body->type == NumType::kFloat32;
}

// Whether the body rounds numbers to such codes.
bool makes_codes(const Expr& body) {
  auto* node = std::get_if<Cast>(&body->node);
  return node && node->dtype == DType::kInt8 &&
         node->arg->type != NumType::kInt64;
}

// Codes of eight bits times what they are scaled by.
bool is_decoding(const Expr& body) {
  auto* node = std::get_if<Call>(&body->node);
  if (!node || node->op != ScalarOp::kMul) return false;
  return std::any_of(
      node->args.begin(), node->args.end(), [](const Expr& arg) {
        auto* widened = std::get_if<Cast>(&arg->node);
        const Expr& inner =
            widened && is_widening(*widened) ? widened->arg : arg;
        auto* code = std::get_if<Load>(&inner->node);
        return code && is_float8(code->dtype);
      });
}

class Inliner {
 public:
  Inliner(StageGraph graph, bool codes_in_products)
      : graph_(std::move(graph)), codes_in_products_(codes_in_products) {
    readers_.resize(graph_.arrays.size());
    read_whole_.resize(graph_.arrays.size());
    for (size_t id = 0; id < graph_.arrays.size(); ++id) {
      for (ArrayId operand : operands_of(graph_.arrays[id])) {
        readers_[operand].push_back(static_cast<int>(id));
      }
    }
  }

  StageGraph run() {
    // Producers first, so that bodies put into others are final.
    for (size_t id = 0; id < graph_.arrays.size(); ++id) {
      rewrite(static_cast<int>(id));
    }
    return prune(std::move(graph_));
  }

 private:
  struct Site {
    bool once;         // no element of the producer is read twice
    bool contraction;  // repeated in the innermost loop of a product
    const Ranges& ranges;
  };

  void rewrite(ArrayId id) {
    Array& array = graph_.arrays[id];
    if (std::holds_alternative<Given>(array.kind)) return;
    Ranges ranges = ranges_of(array);
    std::vector<Expr> exprs = expressions_of(array.kind);
    bool compute = std::holds_alternative<Compute>(array.kind);
    bool product =
        compute && match_contraction(exprs[0], array.axes).has_value();
    for (Expr& expr : exprs) {
      Rewriter put([&](const Expr& e) -> Expr {
        auto* node = std::get_if<Load>(&e->node);
        if (!node) return {};
        Site site = {compute && reads_once(array, expr, *node), product,
                     ranges};
        if (!inlines(id, expr, *node, site)) return {};
        const Array& from = graph_.arrays[node->slot];
        auto& body = std::get<Compute>(from.kind).body;
        if (work_of(body) != Work::kFree) {
          array.work.insert(from.work.begin(), from.work.end());
        }
        return body_at(*node);
      });
      const Expr simple = simplify(expr, ranges);
      const Expr filled = put(simple);
      const bool changed = filled.get() != simple.get();
      expr = changed ? simplify(filled, ranges) : simple;
    }
    array.kind = with_expressions(array.kind, std::move(exprs));
  }

  Ranges ranges_of(const Array& array) const {
    Ranges ranges;
    ranges.add(array.axes, array.shape);
    if (auto* update = std::get_if<Update>(&array.kind)) {
      for (const ReduceAxis& axis : update->domain) {
        ranges.add(axis.var, axis.extent);
      }
    }
    if (auto* sort = std::get_if<Sort>(&array.kind)) {
      ranges.add(array.axes[sort->axis], sort->extent);
    }
    return ranges;
  }

  // Every loop around the load takes part in its index.
  static bool reads_once(const Array& array, const Expr& body,
                         const Load& node) {
    std::unordered_set<const VarInfo*> used;
    for (const Expr& index : node.index) {
      for (const VarInfo* v : free_vars(index)) used.insert(v);
    }
    for (size_t i = 0; i < array.axes.size(); ++i) {
      if (array.shape[i] != 1 && !used.count(array.axes[i].get())) return false;
    }
    if (auto* reduce = std::get_if<Reduce>(&body->node)) {
      for (const ReduceAxis& axis : reduce->axes) {
        if (axis.extent != 1 && !used.count(axis.var.get())) return false;
      }
    }
    return true;
  }

  bool inlines(ArrayId reader, const Expr& into, const Load& node,
               const Site& site) {
    const Array& from = graph_.arrays[node.slot];
    auto* compute = std::get_if<Compute>(&from.kind);
    if (!compute || from.stored) return false;
    if (std::holds_alternative<Reduce>(compute->body->node)) return false;
    // What is behind quantised storage exists where it is used.
    if (from.widens) return true;
    if (!keeps_checks(node, site.ranges)) return false;
    int64_t times = occurrences(into, node.slot);
    if (tree_size(into) + times * tree_size(compute->body) > kLargeBody) {
      return false;
    }
    Work work = work_of(compute->body);
    if (work == Work::kFree) return true;
    // A view moves on into its own readers; work put into it would have to
    // follow its order of axes.
    if (!graph_.arrays[reader].stored && work_of(into) == Work::kFree) {
      return false;
    }
    // Weights are prepared at load, not in every run.
    if (from.at_load && !graph_.arrays[reader].at_load) return false;
    if (makes_codes(compute->body) && becomes_factor(node.slot)) return false;
    // Products multiply the codes themselves, which are a quarter of the bytes.
    if (codes_in_products_ && site.contraction && times == 1 &&
        work == Work::kCheap && is_decoding(compute->body)) {
      return true;
    }
    bool only_reader = readers_[node.slot].size() == 1;
    if (only_reader && times == 1 && site.once) return true;
    // Copies for several readers must not read more than the value itself.
    bool light = work == Work::kCheap && loads_of(compute->body).size() <= 1;
    bool decodes = work == Work::kCheap && reads_codes(compute->body);
    if (decodes && times == 1 && site.contraction) return true;
    return light && times == 1 && site.once && !site.contraction;
  }

  // Whether a product reads the array, or cheap maps of it.
  bool becomes_factor(ArrayId id) const {
    return std::any_of(
        readers_[id].begin(), readers_[id].end(), [&](ArrayId reader) {
          const Array& array = graph_.arrays[reader];
          auto* compute = std::get_if<Compute>(&array.kind);
          if (!compute) return false;
          if (match_contraction(compute->body, array.axes)) return true;
          bool map = !std::holds_alternative<Reduce>(compute->body->node);
          return map && work_of(compute->body) != Work::kExpensive &&
                 becomes_factor(reader);
        });
  }

  // Every index that is data is checked, whether its element is needed or
  // not. So a producer that checks goes only where all of it is computed, and
  // the checks in the load's own index must have a place in the body.
  bool keeps_checks(const Load& node, const Ranges& ranges) {
    const Array& from = graph_.arrays[node.slot];
    auto& body = std::get<Compute>(from.kind).body;
    if (contains<CheckedIndex>(body) && !read_whole(node.slot)) return false;
    std::vector<Expr> checks;
    for (const Expr& index : node.index) {
      for (const Expr& check : checks_of(index)) checks.push_back(check);
    }
    if (checks.empty()) return true;
    Expr inlined = simplify(body_at(node), ranges);
    return std::all_of(checks.begin(), checks.end(), [&](const Expr& check) {
      Expr simple = simplify(check, ranges);
      return !std::holds_alternative<CheckedIndex>(simple->node) ||
             makes_check(inlined, simple);
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
      Ranges ranges = ranges_of(array);
      for (const Expr& expr : expressions_of(array.kind)) {
        walk_always(simplify(expr, ranges), [&](const Expr& e) {
          if (auto* reduce = std::get_if<Reduce>(&e->node)) {
            for (const ReduceAxis& axis : reduce->axes) {
              ranges.add(axis.var, axis.extent);
            }
          }
          auto* node = std::get_if<Load>(&e->node);
          if (node && node->slot == id) {
            answer = *answer ||
                     visits_all(node->index, graph_.arrays[id].shape, ranges);
          }
          return !*answer;
        });
      }
    }
    return *answer;
  }

  // The producer's body at the indices of the load, as a reader sees it:
  // integers wrapped, floats without the rounding of storage.
  Expr body_at(const Load& node) {
    const Array& from = graph_.arrays[node.slot];
    Substitution at;
    for (size_t i = 0; i < from.axes.size(); ++i) {
      at[from.axes[i].get()] = node.index[i];
    }
    Expr body = substitute(std::get<Compute>(from.kind).body, at);
    bool narrow_int = is_int(from.dtype) && from.dtype != DType::kInt64;
    return narrow_int ? cast(from.dtype, body) : body;
  }

  StageGraph graph_;
  bool codes_in_products_;
  std::vector<std::vector<ArrayId>> readers_;
  std::vector<std::optional<bool>> read_whole_;
};

}  // namespace

StageGraph inline_maps(StageGraph graph, bool codes_in_products) {
  return Inliner(std::move(graph), codes_in_products).run();
}

}  // namespace lathe
