#include "codegen/fill_reader.h"

#include <algorithm>
#include <unordered_set>

#include "codegen/contraction.h"
#include "codegen/rewrite.h"

namespace lathe {
namespace {

// Nodes of a body as a tree, beyond which nothing more is put into it.
constexpr int64_t kLargeBody = 300;
// Operations that are cheaper to repeat than to store and load.
constexpr int64_t kCheapWork = 6;

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

// Whether indices alone choose between data and a constant.
bool pads(const Expr& body) {
  auto* choice = std::get_if<Call>(&body->node);
  if (!choice || choice->op != ScalarOp::kSelect) return false;
  if (contains<Load>(choice->args[0])) return false;
  return std::all_of(
      choice->args.begin() + 1, choice->args.end(), [](const Expr& arm) {
        return (std::holds_alternative<Load>(arm->node) ||
                std::holds_alternative<Literal>(arm->node)) &&
               !contains<CheckedIndex>(arm);
      });
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
  return std::any_of(node->args.begin(), node->args.end(), [](const Expr& arg) {
    auto* widened = std::get_if<Cast>(&arg->node);
    const Expr& inner = widened && is_widening(*widened) ? widened->arg : arg;
    auto* code = std::get_if<Load>(&inner->node);
    return code && is_float8(code->dtype);
  });
}

// Puts producers into one reader: all that it depends on is in there.
class ReaderFiller {
 public:
  ReaderFiller(const FormulaReader& reader, bool codes_in_products)
      : reader_(reader), codes_in_products_(codes_in_products) {}

  FilledReader run() {
    const Formula& formula = *reader_.formula;
    Ranges ranges = ranges_of(formula);
    std::vector<Expr> exprs = expressions_of(formula.kind);
    bool compute = std::holds_alternative<Compute>(formula.kind);
    bool product =
        compute && match_contraction(exprs[0], formula.axes).has_value();
    FilledReader filled;
    for (Expr& expr : exprs) {
      Rewriter put([&](const Expr& e) -> Expr {
        auto* node = std::get_if<Load>(&e->node);
        // A load times a 1 that was put in is rebuilt as that load, which may
        // have been put in itself.
        if (!node || !is_own(*node)) return {};
        Site site = {compute && reads_once(expr, *node), product, ranges};
        if (!inlines(expr, *node, site)) return {};
        if (from(*node).facts.work != Work::kFree) {
          filled.taken.push_back(node->slot);
        }
        return body_at(*node);
      });
      const Expr simple = simplify(expr, ranges);
      const Expr full = put(simple);
      const bool changed = full.get() != simple.get();
      expr = changed ? simplify(full, ranges) : simple;
    }
    Formula out = formula;
    out.kind = with_expressions(formula.kind, std::move(exprs));
    filled.formula = number_slots(std::move(out));
    return filled;
  }

 private:
  struct Site {
    bool once;         // no element of the producer is read twice
    bool contraction;  // repeated in the innermost loop of a product
    const Ranges& ranges;
  };

  bool is_own(const Load& node) const {
    return static_cast<size_t>(node.slot) < reader_.producers.size();
  }
  const FormulaSource& from(const Load& node) const {
    return reader_.producers[static_cast<size_t>(node.slot)];
  }
  static const Expr& body(const FormulaSource& producer) {
    return std::get<Compute>(producer.formula->kind).body;
  }

  // Every loop around the load takes part in its index.
  bool reads_once(const Expr& body, const Load& node) const {
    const Formula& formula = *reader_.formula;
    std::unordered_set<const VarInfo*> used;
    for (const Expr& index : node.index) {
      for (const VarInfo* v : free_vars(index)) used.insert(v);
    }
    for (size_t i = 0; i < formula.axes.size(); ++i) {
      if (formula.shape[i] != 1 && !used.count(formula.axes[i].get()))
        return false;
    }
    if (auto* reduce = std::get_if<Reduce>(&body->node)) {
      for (const ReduceAxis& axis : reduce->axes) {
        if (axis.extent != 1 && !used.count(axis.var.get())) return false;
      }
    }
    return true;
  }

  bool inlines(const Expr& into, const Load& node, const Site& site) const {
    const FormulaSource& producer = from(node);
    if (!producer.fits()) return false;
    // What is behind quantised storage exists where it is used.
    if (producer.widens) return true;
    if (!keeps_checks(node, site.ranges)) return false;
    int64_t times = occurrences(into, node.slot);
    if (tree_size(into) + times * tree_size(body(producer)) > kLargeBody) {
      return false;
    }
    Work work = producer.facts.work;
    if (work == Work::kFree) return true;
    // A view moves on into its own readers; work put into it would have to
    // follow its order of axes.
    if (!reader_.stored && work_of(into) == Work::kFree) return false;
    // Weights are prepared at load, not in every run.
    if (producer.at_load && !reader_.at_load) return false;
    if (producer.facts.makes_codes && producer.becomes_factor) return false;
    // Products multiply the codes themselves, which are a quarter of the bytes.
    if (codes_in_products_ && site.contraction && times == 1 &&
        work == Work::kCheap && is_decoding(body(producer))) {
      return true;
    }
    if (producer.only_reader && times == 1 && site.once) return true;
    // Copies for several readers must not read more than the value itself.
    bool light = work == Work::kCheap && loads_of(body(producer)).size() <= 1;
    bool decodes = work == Work::kCheap && reads_codes(body(producer));
    if (decodes && times == 1 && site.contraction) return true;
    return light && times == 1 && site.once && !site.contraction;
  }

  // Every index that is data is checked, whether its element is needed or
  // not. So a producer that checks goes only where all of it is computed, and
  // the checks in the load's own index must have a place in the body.
  bool keeps_checks(const Load& node, const Ranges& ranges) const {
    const FormulaSource& producer = from(node);
    if (producer.facts.checks && !producer.read_whole) return false;
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

  // The producer's body at the indices of the load, as a reader sees it:
  // integers wrapped, floats without the rounding of storage.
  Expr body_at(const Load& node) const {
    const FormulaSource& producer = from(node);
    const Formula& formula = *producer.formula;
    Substitution at;
    for (size_t i = 0; i < formula.axes.size(); ++i) {
      at[formula.axes[i].get()] = node.index[i];
    }
    Expr there = substitute(with_slots(body(producer), producer.slots), at);
    bool narrow_int = is_int(formula.dtype) && formula.dtype != DType::kInt64;
    return narrow_int ? cast(formula.dtype, there) : there;
  }

  const FormulaReader& reader_;
  bool codes_in_products_;
};

}  // namespace

MapFacts facts_of(const Formula& formula) {
  MapFacts facts;
  auto* compute = std::get_if<Compute>(&formula.kind);
  if (!compute) return facts;
  facts.map = !std::holds_alternative<Reduce>(compute->body->node);
  facts.product = match_contraction(compute->body, formula.axes).has_value();
  facts.makes_codes = makes_codes(compute->body);
  facts.checks = contains<CheckedIndex>(compute->body);
  facts.work = work_of(compute->body);
  facts.pads = facts.work == Work::kCheap && pads(compute->body);
  return facts;
}

Ranges ranges_of(const Formula& formula) {
  Ranges ranges;
  ranges.add(formula.axes, formula.shape);
  if (auto* update = std::get_if<Update>(&formula.kind)) {
    for (const ReduceAxis& axis : update->domain) {
      ranges.add(axis.var, axis.extent);
    }
  }
  if (auto* sort = std::get_if<Sort>(&formula.kind)) {
    ranges.add(formula.axes[sort->axis], sort->extent);
  }
  return ranges;
}

FilledReader fill_reader(const FormulaReader& reader, bool codes_in_products) {
  return ReaderFiller(reader, codes_in_products).run();
}

}  // namespace lathe
