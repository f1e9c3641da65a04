#include "codegen/render_cpp.h"

#include <map>
#include <set>

#include "codegen/render_tables.h"
#include "spec/check.h"

namespace lathe::cpu {
namespace {

constexpr int kClosest = 13;

struct Text {
  std::string text;
  int strength = kClosest;
};

class Renderer {
 public:
  explicit Renderer(const LoopKernel& kernel) : kernel_(kernel) {}

  std::string run(const std::string& name) {
    out_ = cat({"extern \"C\" void ", name, "(const Args* a, i64 ",
                bind(kernel_.lo), ", i64 ", bind(kernel_.hi), ") {\n"});
    depth_ = 1;
    for (size_t i = 0; i < kernel_.buffers.size(); ++i) {
      const BufferParam& b = kernel_.buffers[i];
      const char* type = storage_name(b.dtype);
      const char* constant = b.writable ? "" : "const ";
      line(cat({constant, type, "* __restrict ", take(b.name), " = (",
                constant, type, "*)a->buf[", i, "];"}));
    }
    for (size_t i = 0; i < kernel_.symbols.size(); ++i) {
      line(cat({"const i64 ", take(kernel_.symbols[i]), " = a->dim[", i,
                "];"}));
    }
    for (const LocalArray& local : kernel_.locals) {
      std::string type =
          local.lanes == 1 ? storage_name(local.dtype)
                           : type_name(compute_type(local.dtype), local.lanes);
      line(cat({"alignas(64) ", type, " ", take(local.name), "[", local.size,
                "];"}));
    }
    stmt(kernel_.body);
    return out_ + "}\n";
  }

  void operator()(const For& s) {
    std::string begin = print(s.begin), end = print(s.end, 9);
    if (s.kind == LoopKind::kUnroll) line("#pragma GCC unroll 64");
    if (s.kind == LoopKind::kVector) line("#pragma GCC ivdep");
    auto outside = std::pair(taken_, names_);
    std::string v = bind(s.var);
    std::string step = s.step == 1 ? cat({"++", v}) : cat({v, " += ", s.step});
    line(cat({"for (i64 ", v, " = ", begin, "; ", v, " < ", end, "; ", step,
              ") {"}));
    nested(s.body);
    std::tie(taken_, names_) = std::move(outside);
    line("}");
  }
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

  Text operator()(const Literal& literal, const Expr& e) const;
  Text operator()(const VarRef& ref, const Expr&) const {
    return {name(ref.var)};
  }
  Text operator()(const SizeOf& size, const Expr&) const;
  Text operator()(const Load& load, const Expr& e);
  Text operator()(const Call& call, const Expr& e);
  Text operator()(const Cast& cast, const Expr& e);
  Text operator()(const CheckedIndex& check, const Expr&);
  Text operator()(const Reduce&, const Expr& e) const {
    LATHE_CHECK(false, "a reduction reached the renderer: ", to_string(e));
    return {};
  }
  Text operator()(const Ramp&, const Expr& e) const {
    LATHE_CHECK(false, "a ramp outside a load or store: ", to_string(e));
    return {};
  }

 private:
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
    Text text = std::visit([&](const auto& n) { return (*this)(n, e); },
                           e->node);
    return text.strength >= strength ? text.text : "(" + text.text + ")";
  }
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
};

void Renderer::operator()(const Store& s) {
  DType dtype = kernel_.dtype_of(s.slot);
  std::string to = slot_name(s.slot);
  if (auto* ramp = std::get_if<Ramp>(&s.index->node)) {
    LATHE_CHECK(ramp->stride == 1, "a store with stride ", ramp->stride);
    line(cat({"storev_", format_name(dtype), "(", to, " + ",
              print(ramp->base, 11), ", ", value_for(s.value, ramp->lanes),
              ");"}));
    return;
  }
  std::string place = cat({to, "[", print(s.index), "]"});
  bool vectors = local_lanes(s.slot) > 1;
  bool narrow = is_float(dtype) && size_of(dtype) < 4;
  if (vectors) {
    line(cat({place, " = ", value_for(s.value, local_lanes(s.slot)), ";"}));
  } else if (narrow) {
    line(cat({"store_", format_name(dtype), "(&", place, ", ", print(s.value),
              ");"}));
  } else {
    line(cat({place, " = (", storage_name(dtype), ")", print(s.value, 12),
              ";"}));
  }
}

Text Renderer::operator()(const Literal& literal, const Expr& e) const {
  if (auto* truth = std::get_if<bool>(&literal.value)) {
    return {*truth ? "true" : "false"};
  }
  if (auto* number = std::get_if<int64_t>(&literal.value)) {
    // The lowest integer has no literal of its own.
    if (*number == INT64_MIN) return {"(-9223372036854775807l - 1)"};
    return {std::to_string(*number) + (*number > INT32_MAX ? "l" : ""),
            *number < 0 ? 12 : kClosest};
  }
  std::string text = float_text(std::get<double>(literal.value), e->type);
  return {text, text[0] == '-' ? 12 : kClosest};
}

Text Renderer::operator()(const SizeOf& size, const Expr&) const {
  return {dim_text(size.dim), size.dim.is_symbol() ? kClosest : 0};
}

Text Renderer::operator()(const Load& load, const Expr& e) {
  std::string from = slot_name(load.slot);
  const Expr& index = load.index[0];
  if (auto* ramp = std::get_if<Ramp>(&index->node)) {
    LATHE_CHECK(ramp->stride == 1, "a load with stride ", ramp->stride);
    return {cat({"loadv_", format_name(load.dtype), "(", from, " + ",
                 print(ramp->base, 11), ")"})};
  }
  std::string place = cat({from, "[", print(index), "]"});
  if (is_bool(load.dtype)) return {place + " != 0", 7};
  if (is_int(load.dtype) && load.dtype != DType::kInt64) {
    return {"(i64)" + place, 12};
  }
  bool narrow = is_float(load.dtype) && size_of(load.dtype) < 4;
  if (e->lanes > 1 || !narrow) return {place};
  return {cat({"load_", format_name(load.dtype), "(&", place, ")"})};
}

Text Renderer::operator()(const Call& call, const Expr& e) {
  NumType type = call.args.back()->type;
  Spelling spelling = spelling_of(call.op, type, e->lanes > 1);
  if (call.op == ScalarOp::kSelect) {
    return {cat({print(call.args[0], 7), " ? ",
                 value_for(call.args[1], e->lanes, 2), " : ",
                 value_for(call.args[2], e->lanes, 2)}),
            1};
  }
  int lanes = 1;
  for (const Expr& arg : call.args) lanes = std::max(lanes, arg->lanes);
  if (spelling.prefix) {
    return {spelling.prefix + print(call.args[0], kClosest), 12};
  }
  if (spelling.infix) {
    // Few know how `&` binds: its operands stand in parentheses.
    bool bitwise = spelling.strength <= 6;
    int left = bitwise ? 12 : spelling.strength;
    int right = bitwise ? 12 : spelling.strength + 1;
    return {value_for(call.args[0], lanes, left) + spelling.infix +
                value_for(call.args[1], lanes, right),
            spelling.strength};
  }
  std::string args;
  for (const Expr& arg : call.args) {
    // The functions are templates: a literal must have its type.
    bool whole = std::holds_alternative<Literal>(arg->node) &&
                 arg->type == NumType::kInt64;
    std::string text = whole ? cat({"(i64)", print(arg, 12)})
                             : value_for(arg, lanes);
    args += (args.empty() ? "" : ", ") + text;
  }
  return {cat({spelling.function, "(", args, ")"})};
}

Text Renderer::operator()(const Cast& cast_node, const Expr& e) {
  const Expr& arg = cast_node.arg;
  DType to = cast_node.dtype;
  bool from_float =
      arg->type == NumType::kFloat32 || arg->type == NumType::kFloat64;
  if (is_bool(to)) return {print(arg, 8) + " != 0", 7};
  if (is_int(to)) {
    std::string whole = from_float ? cat({"to_int(", print(arg), ")"})
                                   : "(i64)" + print(arg, 12);
    if (to == DType::kInt64) return {whole, from_float ? kClosest : 12};
    return {cat({"(i64)(", storage_name(to), ")", whole}), 12};
  }
  if (size_of(to) < 4) {
    std::string value = from_float ? print(arg) : "(f64)" + print(arg, 12);
    return {cat({"round_", format_name(to), "(", value, ")"})};
  }
  LATHE_CHECK(e->lanes == 1, "a vector of another width: ", to_string(e));
  return {cat({"(", type_name(e->type, 1), ")", print(arg, 12)}), 12};
}

Text Renderer::operator()(const CheckedIndex& check, const Expr&) {
  return {cat({"checked(a, ", print(check.index), ", ", print(check.extent),
               ", ", check.site, ", 0)"})};
}

}  // namespace

std::string render_kernel(const LoopKernel& kernel, const std::string& name) {
  return Renderer(kernel).run(name);
}

}  // namespace lathe::cpu
