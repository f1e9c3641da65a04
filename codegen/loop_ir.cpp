#include "codegen/loop_ir.h"

#include <algorithm>

#include "spec/check.h"

namespace lathe {
namespace {

Stmt make(decltype(StmtNode::node) node) {
  return std::make_shared<const StmtNode>(StmtNode{std::move(node)});
}

const char* label_of(LoopKind kind) {
  switch (kind) {
    case LoopKind::kSerial:
      return "for";
    case LoopKind::kItems:
      return "items";
    case LoopKind::kUnroll:
      return "unroll";
    case LoopKind::kVector:
      return "vector";
    case LoopKind::kRolled:
      return "rolled";
  }
  return "";
}

struct StmtPrinter {
  int indent;

  std::string line(const std::string& text) const {
    return std::string(static_cast<size_t>(indent) * 2, ' ') + text + "\n";
  }
  std::string operator()(const For& s) const {
    std::string step = s.step == 1 ? "" : cat({" step ", s.step});
    return line(cat({label_of(s.kind), " ", s.var->name, " in ",
                     to_string(s.begin), " .. ", to_string(s.end), step})) +
           to_string(s.body, indent + 1);
  }
  std::string operator()(const Let& s) const {
    return line(cat({"let ", s.var->name, " = ", to_string(s.value)}));
  }
  std::string operator()(const Declare& s) const {
    return line(cat({"var ", s.var->name, " = ", to_string(s.value)}));
  }
  std::string operator()(const Assign& s) const {
    return line(cat({s.var->name, " = ", to_string(s.value)}));
  }
  std::string operator()(const Store& s) const {
    return line(cat({"in", s.slot, "[", to_string(s.index), "] = ",
                     to_string(s.value)}));
  }
  std::string operator()(const If& s) const {
    std::string text = line("if " + to_string(s.condition)) +
                       to_string(s.then, indent + 1);
    if (s.otherwise) text += line("else") + to_string(s.otherwise, indent + 1);
    return text;
  }
  std::string operator()(const While& s) const {
    return line("while " + to_string(s.condition)) +
           to_string(s.body, indent + 1);
  }
  std::string operator()(const Block& s) const {
    std::string text;
    for (const Stmt& stmt : s.stmts) text += to_string(stmt, indent);
    return text;
  }
  std::string operator()(const Prefetch& s) const {
    return line(cat({"prefetch in", s.slot, "[", to_string(s.index), "]"}));
  }
  std::string operator()(const Comment& s) const {
    return line("# " + s.text);
  }
  std::string operator()(const Combine& s) const {
    std::string at = s.position ? cat({" at ", s.position->name}) : "";
    std::string lanes = s.lanes > 0 ? cat({s.lanes, " lanes "}) : "";
    return line(
        cat({"combine ", lanes, name_of(s.op), " ", s.var->name, at}));
  }
  std::string operator()(const Intrinsic& s) const {
    std::string text = info_of(s.op).name;
    if (info_of(s.op).takes_number) text += cat({"<", s.number, ">"});
    for (const Intrinsic::Address& at : s.at) {
      text += cat({" in", at.slot, "[", to_string(at.index), "]"});
    }
    for (const Expr& value : s.values) text += cat({" ", to_string(value)});
    return line(text);
  }
};

}  // namespace

Stmt for_loop(Var v, Expr begin, Expr end, Stmt body, LoopKind kind,
              int64_t step) {
  return make(For{std::move(v), std::move(begin), std::move(end), step, kind,
                  std::move(body)});
}
Stmt let(Var v, Expr value) {
  return make(Let{std::move(v), std::move(value)});
}
Stmt declare(Var v, Expr value) {
  return make(Declare{std::move(v), std::move(value)});
}
Stmt assign(Var v, Expr value) {
  return make(Assign{std::move(v), std::move(value)});
}
Stmt store(int slot, Expr index, Expr value) {
  return make(Store{slot, std::move(index), std::move(value)});
}
Stmt if_then(Expr condition, Stmt then, Stmt otherwise) {
  return make(
      If{std::move(condition), std::move(then), std::move(otherwise)});
}
Stmt while_loop(Expr condition, Stmt body) {
  return make(While{std::move(condition), std::move(body)});
}
Stmt block(std::vector<Stmt> stmts) { return make(Block{std::move(stmts)}); }
Stmt prefetch(int slot, Expr index) {
  return make(Prefetch{slot, std::move(index)});
}
Stmt comment(std::string text) { return make(Comment{std::move(text)}); }
Stmt combine_workers(ReduceOp op, Var v, Var position) {
  return make(Combine{op, std::move(v), std::move(position)});
}
Stmt combine_lanes(ReduceOp op, Var v, int lanes) {
  return make(Combine{op, std::move(v), nullptr, lanes});
}
Stmt intrinsic(IntrinsicOp op, std::vector<Intrinsic::Address> at,
               int64_t number, std::vector<Expr> values) {
  return make(Intrinsic{op, std::move(at), number, std::move(values)});
}
Stmt barrier(int workers) {
  return intrinsic(IntrinsicOp::kBarrier, {}, workers);
}

const IntrinsicInfo& info_of(IntrinsicOp op) {
  static constexpr IntrinsicInfo kRows[] = {
#define LATHE_INTRINSIC(id, name, addresses, values, number) \
  {name, addresses, values, number},
#include "codegen/intrinsics.def"
#undef LATHE_INTRINSIC
  };
  return kRows[static_cast<size_t>(op)];
}

Expr float_zero() { return zero_of(NumType::kFloat32); }

Expr flat_load(int slot, DType dtype, const Expr& index) {
  return load(slot, dtype, {index});
}

Expr vector_load(int slot, DType dtype, const Expr& base, int lanes) {
  return load(slot, dtype, {ramp(base, 1, lanes)});
}

Expr local_vector(int slot, DType dtype, const Expr& index, int lanes) {
  ExprNode node;
  node.type = compute_type(dtype);
  node.lanes = lanes;
  node.node = Load{slot, dtype, {index}};
  return Expr(std::make_shared<const ExprNode>(std::move(node)));
}

DType LoopKernel::dtype_of(int slot) const {
  size_t s = static_cast<size_t>(slot);
  return s < buffers.size() ? buffers[s].dtype
                            : locals[s - buffers.size()].dtype;
}

int LoopKernel::add_local(LocalArray local) {
  const auto is_taken = [&](const std::string& name) {
    const auto has_it = [&](const auto& array) { return array.name == name; };
    return std::any_of(buffers.begin(), buffers.end(), has_it) ||
           std::any_of(locals.begin(), locals.end(), has_it);
  };
  const std::string wanted = local.name;
  for (int n = 1; is_taken(local.name); ++n) {
    local.name = wanted + "_" + std::to_string(n);
  }
  locals.push_back(std::move(local));
  return static_cast<int>(buffers.size() + locals.size()) - 1;
}

std::string to_string(const Stmt& stmt, int indent) {
  return std::visit(StmtPrinter{indent}, stmt->node);
}

std::string to_string(const LoopKernel& kernel) {
  std::string text;
  size_t slot = 0;
  for (const BufferParam& buffer : kernel.buffers) {
    text += cat({"in", slot++, " ", buffer.name, " : ",
                 to_string(buffer.dtype), buffer.writable ? " out" : "",
                 "\n"});
  }
  for (const LocalArray& local : kernel.locals) {
    text += cat({"in", slot++, " ", local.name, " : ", to_string(local.dtype),
                 "[", local.size, "] local", "\n"});
  }
  return text + to_string(kernel.body);
}

}  // namespace lathe
