#pragma once
// Turns loops into C++ text, statement by statement: the CPU's dialect, from
// which CUDA's is derived.

#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "codegen/loop_ir.h"
#include "codegen/render_tables.h"
#include "spec/check.h"

namespace lathe::cpu {

// Functions, names and literals.
inline constexpr int kClosest = 13;

// An expression's text, and how strongly its outermost operator binds.
struct Spelled {
  std::string text;
  int strength = kClosest;
};

// Prints one kernel; used once. What differs on a GPU is virtual.
class Renderer {
 public:
  explicit Renderer(const LoopKernel& kernel) : kernel_(kernel) {}

  virtual ~Renderer() = default;

  // The kernel as a function of this name.
  virtual std::string run(const std::string& name);

  virtual void operator()(const For& s);
  virtual void operator()(const Combine& s);
  void operator()(const Intrinsic& s);
  void operator()(const Let& s) { define("const ", s.var, s.value); }
  void operator()(const Declare& s) { define("", s.var, s.value); }
  void operator()(const Assign& s) {
    line(cat({name(s.var), " = ", value_for(s.value, s.var->lanes), ";"}));
  }
  void operator()(const Store& s);
  void operator()(const If& s) {
    line(cat({"if (", print(s.condition), ") {"}));
    scoped(s.then);
    if (s.otherwise) {
      line("} else {");
      scoped(s.otherwise);
    }
    line("}");
  }
  void operator()(const While& s) {
    line(cat({"while (", print(s.condition), ") {"}));
    scoped(s.body);
    line("}");
  }
  void operator()(const Block& s) {
    for (const Stmt& child : s.stmts) stmt(child);
  }
  void operator()(const Prefetch& s) {
    line(cat({"__builtin_prefetch(", slot_name(s.slot), " + ",
              print(s.index, 11), ");"}));
  }
  void operator()(const Comment& s) { line("// " + s.text); }

  Spelled operator()(const Literal& literal, const Expr& e) const;
  Spelled operator()(const VarRef& ref, const Expr&) const {
    return {name(ref.var)};
  }
  Spelled operator()(const SizeOf& size, const Expr&) const;
  Spelled operator()(const Load& load, const Expr& e);
  Spelled operator()(const Call& call, const Expr& e);
  Spelled operator()(const Cast& cast, const Expr& e);
  Spelled operator()(const CheckedIndex& check, const Expr&);
  Spelled operator()(const Reduce&, const Expr& e) const {
    LATHE_CHECK(false, "a reduction reached the renderer: ", to_string(e));
    return {};
  }
  Spelled operator()(const Ramp&, const Expr& e) const {
    LATHE_CHECK(false, "a ramp outside a load or store: ", to_string(e));
    return {};
  }

 protected:
  // A plain `for`.
  void serial_loop(const For& s);

  void line(const std::string& text) {
    out_ += std::string(static_cast<size_t>(depth_) * 2, ' ') + text + "\n";
  }
  void stmt(const Stmt& s) { std::visit(*this, s->node); }
  void nested(const Stmt& s) {
    ++depth_;
    stmt(s);
    --depth_;
  }
  void scoped(const Stmt& s) {
    auto outside = std::pair(taken_, names_);
    nested(s);
    std::tie(taken_, names_) = std::move(outside);
  }

  // The name, made unlike all others in scope.
  std::string take(const std::string& wanted) {
    std::string unique = wanted;
    for (int n = 1; !taken_.insert(unique).second; ++n) {
      unique = cat({wanted, "_", n});
    }
    return unique;
  }
  std::string bind(const Var& v) {
    return names_[v.get()] = take(v->name);
  }
  std::string name(const Var& v) const {
    auto found = names_.find(v.get());
    LATHE_CHECK(found != names_.end(), v->name, " has no name here");
    return found->second;
  }
  std::string slot_name(int slot) const {
    size_t s = static_cast<size_t>(slot);
    return s < kernel_.buffers.size()
               ? kernel_.buffers[s].name
               : kernel_.locals[s - kernel_.buffers.size()].name;
  }
  // The same of a slot that is read.
  std::string read_name(int slot) {
    read_.insert(slot);
    return slot_name(slot);
  }
  int local_lanes(int slot) const {
    size_t s = static_cast<size_t>(slot), n = kernel_.buffers.size();
    return s < n ? 1 : kernel_.locals[s - n].lanes;
  }

  void define(const char* prefix, const Var& v, const Expr& value) {
    std::string text = value_for(value, v->lanes);
    line(cat({prefix, type_name(v->type, v->lanes), " ", bind(v), " = ", text,
              ";"}));
  }

  std::string print(const Expr& e, int strength = 0) {
    Spelled text = std::visit([&](const auto& n) { return (*this)(n, e); },
                           e->node);
    return text.strength >= strength ? text.text : "(" + text.text + ")";
  }
  // The bits of a narrow float as they lie in memory.
  std::string moved_bits(const Expr& value);
  // As a vector where one is wanted.
  std::string value_for(const Expr& e, int lanes, int strength = 0) {
    if (lanes == e->lanes || e->type == NumType::kBool) {
      return print(e, strength);
    }
    return cat({"splat<", type_name(e->type, lanes), ">(", print(e), ")"});
  }

  const LoopKernel& kernel_;
  std::string out_;
  int depth_ = 0;
  std::map<const VarInfo*, std::string> names_;
  std::set<std::string> taken_ = {"a"};
  std::set<int> read_;  // slots, so far
};

}  // namespace lathe::cpu
