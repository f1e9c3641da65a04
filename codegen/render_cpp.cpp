#include "codegen/render_cpp.h"

#include "codegen/cpp_renderer.h"
#include "codegen/integer_range.h"
#include "codegen/moved_value.h"
#include "codegen/render_tables.h"
#include "spec/check.h"

namespace lathe::cpu {

std::string Renderer::run(const std::string& name) {
  out_ = cat({"extern \"C\" void ", name, "(const Args* a, i64 ",
              bind(kernel_.lo), ", i64 ", bind(kernel_.hi), ") {\n"});
  depth_ = 1;
  for (size_t i = 0; i < kernel_.buffers.size(); ++i) {
    const BufferParam& b = kernel_.buffers[i];
    const char* type = storage_name(b.dtype);
    const char* constant = b.writable ? "" : "const ";
    line(cat({constant, type, "* __restrict ", take(b.name), " = (", constant,
              type, "*)a->buf[", i, "];"}));
  }
  for (size_t i = 0; i < kernel_.symbols.size(); ++i) {
    line(cat({"const i64 ", take(kernel_.symbols[i]), " = a->dim[", i, "];"}));
  }
  for (const LocalArray& local : kernel_.locals) {
    std::string type = local.lanes == 1
                           ? storage_name(local.dtype)
                           : type_name(compute_type(local.dtype), local.lanes);
    line(cat(
        {"alignas(64) ", type, " ", take(local.name), "[", local.size, "];"}));
  }
  stmt(kernel_.body);
  return out_ + "}\n";
}

void Renderer::operator()(const For& s) {
  if (s.kind == LoopKind::kUnroll) line("#pragma GCC unroll 64");
  if (s.kind == LoopKind::kVector) line("#pragma GCC ivdep");
  if (s.kind == LoopKind::kRolled) line("#pragma GCC unroll 1");
  serial_loop(s);
}

void Renderer::serial_loop(const For& s) {
  std::string begin = print(s.begin), end = print(s.end, 9);
  auto outside = std::pair(taken_, names_);
  std::string v = bind(s.var);
  std::string step = s.step == 1 ? cat({"++", v}) : cat({v, " += ", s.step});
  line(cat(
      {"for (i64 ", v, " = ", begin, "; ", v, " < ", end, "; ", step, ") {"}));
  nested(s.body);
  std::tie(taken_, names_) = std::move(outside);
  line("}");
}

void Renderer::operator()(const Combine&) {
  LATHE_CHECK(false, "a CPU kernel has no workers to combine");
}

void Renderer::operator()(const Intrinsic& s) {
  const IntrinsicInfo& info = info_of(s.op);
  std::string number = info.takes_number ? cat({"<", s.number, ">"}) : "";
  std::string args;
  for (const Intrinsic::Address& at : s.at) {
    // The first is where its results go.
    const bool first = args.empty();
    args += cat({first ? "&" : ", &",
                 first ? slot_name(at.slot) : read_name(at.slot), "[",
                 print(at.index), "]"});
  }
  for (const Expr& value : s.values) {
    args += cat({args.empty() ? "" : ", ", print(value)});
  }
  line(cat({info.name, number, "(", args, ");"}));
}

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
  if (!vectors && only_moves(s.value, dtype)) {
    line(cat({place, " = ", moved_bits(s.value), ";"}));
  } else if (vectors) {
    line(cat({place, " = ", value_for(s.value, local_lanes(s.slot)), ";"}));
  } else if (narrow) {
    line(cat({"store_", format_name(dtype), "(&", place, ", ", print(s.value),
              ");"}));
  } else {
    line(cat(
        {place, " = (", storage_name(dtype), ")", print(s.value, 12), ";"}));
  }
}

// A choice stands in parentheses. Requires: only_moves().
std::string Renderer::moved_bits(const Expr& value) {
  if (auto* load = std::get_if<Load>(&value->node)) {
    return cat({read_name(load->slot), "[", print(load->index[0]), "]"});
  }
  auto* call = std::get_if<Call>(&value->node);
  if (!call) return "0";
  return cat({"(", print(call->args[0], 7), " ? ", moved_bits(call->args[1]),
              " : ", moved_bits(call->args[2]), ")"});
}

Spelled Renderer::operator()(const Literal& literal, const Expr& e) const {
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

Spelled Renderer::operator()(const SizeOf& size, const Expr&) const {
  return {dim_text(size.dim), size.dim.is_symbol() ? kClosest : 0};
}

Spelled Renderer::operator()(const Load& load, const Expr& e) {
  std::string from = read_name(load.slot);
  const Expr& index = load.index[0];
  if (auto* ramp = std::get_if<Ramp>(&index->node)) {
    LATHE_CHECK(ramp->stride == 1, "a load with stride ", ramp->stride);
    bool words = load.dtype != kernel_.dtype_of(load.slot);
    std::string view =
        words ? cat({"(const ", storage_name(load.dtype), "*)"}) : "";
    return {cat({"loadv_", format_name(load.dtype), "(", view, from, " + ",
                 print(ramp->base, 11), ")"})};
  }
  std::string place = cat({from, "[", print(index), "]"});
  if (is_bool(load.dtype)) return {place + " != 0", 7};
  if (is_int(load.dtype) && e->lanes == 1 && load.dtype != DType::kInt64) {
    return {"(i64)" + place, 12};
  }
  bool narrow = is_float(load.dtype) && size_of(load.dtype) < 4;
  if (e->lanes > 1 || !narrow) return {place};
  return {cat({"load_", format_name(load.dtype), "(&", place, ")"})};
}

Spelled Renderer::operator()(const Call& call, const Expr& e) {
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
    std::string text =
        whole ? cat({"(i64)", print(arg, 12)}) : value_for(arg, lanes);
    args += (args.empty() ? "" : ", ") + text;
  }
  return {cat({spelling.function, "(", args, ")"})};
}

Spelled Renderer::operator()(const Cast& cast_node, const Expr& e) {
  const Expr& arg = cast_node.arg;
  DType to = cast_node.dtype;
  bool from_float = is_float(arg->type);
  if (is_bool(to)) return {print(arg, 8) + " != 0", 7};
  if (is_int(to)) {
    // Loops over 64 bits a number are no vectors on most machines.
    const bool narrow = arg->type == NumType::kFloat32 && arg->lanes == 1 &&
                        to != DType::kInt64 && fits_int32(arg);
    const char* function = narrow ? "to_int32(" : "to_int(";
    std::string whole = from_float ? cat({function, print(arg), ")"})
                                   : "(i64)" + print(arg, 12);
    if (to == DType::kInt64) return {whole, from_float ? kClosest : 12};
    return {cat({"(i64)(", storage_name(to), ")", whole}), 12};
  }
  if (size_of(to) < 4) {
    std::string value = from_float ? print(arg) : "(f64)" + print(arg, 12);
    return {cat({"round_", format_name(to), "(", value, ")"})};
  }
  if (e->lanes > 1 && !from_float && to == DType::kFloat32) {
    return {cat({"to_float(", print(arg), ")"})};
  }
  LATHE_CHECK(e->lanes == 1, "a vector of another width: ", to_string(e));
  return {cat({"(", type_name(e->type, 1), ")", print(arg, 12)}), 12};
}

Spelled Renderer::operator()(const CheckedIndex& check, const Expr&) {
  return {cat({"checked(a, ", print(check.index), ", ", print(check.extent),
               ", ", check.site, ", ", print(check.position), ")"})};
}

std::string render_kernel(const LoopKernel& kernel, const std::string& name) {
  return Renderer(kernel).run(name);
}

}  // namespace lathe::cpu
