#include "codegen/kernel_builder.h"

#include <algorithm>
#include <utility>

#include "spec/check.h"

namespace lathe {

KernelBuilder::KernelBuilder(const Group& group) : group_(group) {
  lowered_.kernel.symbols = group.symbols;
  lowered_.kernel.lo = make_var("lo");
  lowered_.kernel.hi = make_var("hi");
}

int KernelBuilder::add_buffer(BufferBinding binding, BufferParam param) {
  LATHE_CHECK(lowered_.kernel.locals.empty(),
              "buffers come before locals: ", param.name);
  lowered_.bindings.push_back(binding);
  lowered_.kernel.buffers.push_back(std::move(param));
  return static_cast<int>(lowered_.bindings.size()) - 1;
}

int KernelBuilder::operand(int index) {
  auto found = operand_slots_.find(index);
  if (found != operand_slots_.end()) return found->second;
  int slot = add_buffer(
      {BufferSource::kOperand, index},
      {"in" + std::to_string(index), group_.operands[index].dtype, false});
  operand_slots_[index] = slot;
  return slot;
}

const GroupOperand* KernelBuilder::operand_of(int slot) const {
  const auto at = static_cast<size_t>(slot);
  if (at >= lowered_.bindings.size()) return nullptr;
  const BufferBinding& binding = lowered_.bindings[at];
  const bool is_operand = binding.source == BufferSource::kOperand;
  return is_operand ? &group_.operands[size_t(binding.index)] : nullptr;
}

int KernelBuilder::output(int index) {
  auto found = output_slots_.find(index);
  if (found != output_slots_.end()) return found->second;
  const Stage& stage = group_.stage(group_.definition.outputs[index]);
  int slot = add_buffer({BufferSource::kOutput, index},
                        {"out" + std::to_string(index), stage.dtype, true});
  output_slots_[index] = slot;
  return slot;
}

int KernelBuilder::packed(PackedOperand operand) {
  int index = static_cast<int>(lowered_.packed.size());
  int slot =
      add_buffer({BufferSource::kPacked, index},
                 {"pack" + std::to_string(index), operand.stage.dtype, false});
  lowered_.packed.push_back(std::move(operand));
  return slot;
}

int KernelBuilder::counts(const std::string& name, int size) {
  return add_buffer({BufferSource::kCounts, size}, {name, DType::kInt32, true});
}

int KernelBuilder::scratch(int index, const Scratch& scratch, bool writable) {
  return add_buffer({BufferSource::kScratch, index},
                    {scratch.name, scratch.dtype, writable});
}

int KernelBuilder::local(const std::string& name, DType dtype, int64_t size,
                         int lanes) {
  return lowered_.kernel.add_local({name, dtype, size, lanes});
}

int KernelBuilder::shared(const std::string& name, DType dtype,
                          int64_t size, int64_t alignment) {
  int slot = local(name, dtype, size);
  lowered_.kernel.locals.back().shared = true;
  lowered_.kernel.locals.back().alignment = alignment;
  return slot;
}

int KernelBuilder::tensor_map(const std::string& name,
                              const TensorView& view) {
  int slot = local(name, view.dtype, 1);
  lowered_.kernel.locals.back().view = view;
  return slot;
}

Var KernelBuilder::share_items(int workers) {
  lowered_.kernel.workers = workers;
  lowered_.kernel.worker = make_var("worker");
  return lowered_.kernel.worker;
}

void KernelBuilder::define(int index, std::vector<Var> axes, Expr value) {
  defined_[index] = {std::move(axes), std::move(value)};
}

int KernelBuilder::share_operand(int index, int64_t size) {
  const int slot = shared("in" + std::to_string(index),
                          group_.operands[size_t(index)].dtype, size);
  operand_slots_[index] = slot;
  return slot;
}

Expr KernelBuilder::expanded(const Expr& expr) const {
  if (defined_.empty()) return expr;
  Rewriter rewrite([&](const Expr& e) -> Expr {
    auto* node = std::get_if<Load>(&e->node);
    if (!node) return {};
    auto found = defined_.find(node->slot);
    if (found == defined_.end()) return {};
    Substitution at;
    for (size_t d = 0; d < node->index.size(); ++d) {
      at[found->second.axes[d].get()] = node->index[d];
    }
    return substitute(found->second.value, at);
  });
  return rewrite(expr);
}

void KernelBuilder::bind_operands(const Expr& expr) {
  for (const Expr& load : loads_of(expanded(expr))) {
    int slot = std::get<Load>(load->node).slot;
    if (slot < group_.definition.inputs) operand(slot);
  }
}

Expr KernelBuilder::lower(const Expr& body, const Substitution& axes,
                          const Ranges& ranges, const StageValue& stage_value) {
  Rewriter rewrite([&](const Expr& e) -> Expr {
    if (auto* ref = std::get_if<VarRef>(&e->node)) {
      auto found = axes.find(ref->var.get());
      return found == axes.end() ? Expr() : found->second;
    }
    auto* node = std::get_if<Load>(&e->node);
    if (!node) return {};
    const int inputs = group_.definition.inputs;
    if (node->slot >= inputs) {
      LATHE_CHECK(stage_value != nullptr, "a stage is loaded here");
      return stage_value(node->slot - inputs, node->index);
    }
    const Shape& shape = group_.operands[node->slot].shape;
    return flat_load(operand(node->slot), node->dtype,
                     flat_index(node->index, shape, ranges));
  });
  return simplify(rewrite(expanded(body)), ranges);
}

int KernelBuilder::output_of(int stage) const {
  const std::vector<int>& outputs = group_.definition.outputs;
  auto found = std::find(outputs.begin(), outputs.end(), stage);
  return found == outputs.end() ? -1
                                : static_cast<int>(found - outputs.begin());
}

Stmt KernelBuilder::point(const std::vector<int>& stages,
                          const std::vector<Expr>& index, const Ranges& ranges,
                          const std::function<Expr(int)>& given) {
  std::map<int, Var> values;
  auto earlier = [&](int stage, const std::vector<Expr>&) {
    return var(values.at(stage));
  };
  std::vector<Stmt> stmts;
  for (int s : stages) {
    const Stage& stage = group_.stage(s);
    Substitution place;
    for (size_t d = 0; d < stage.axes.size(); ++d) {
      place[stage.axes[d].get()] = index[d];
    }
    Expr value = given(s);
    if (!value.get()) {
      const Expr& body = body_of(stage);
      value = lower(body, place, ranges, earlier);
    }
    values[s] = make_var("v", value->type);
    stmts.push_back(let(values[s], value));
    int output_index = output_of(s);
    if (output_index < 0) continue;
    Expr flat = flat_index(index, stage.shape, ranges);
    stmts.push_back(store(output(output_index), flat, var(values[s])));
  }
  return block(std::move(stmts));
}

LoweredGroup KernelBuilder::finish(Stmt body, const Dim& items,
                                   const Dim& cost) {
  lowered_.kernel.body = std::move(body);
  lowered_.items = items;
  lowered_.cost = cost;
  verify(lowered_.kernel);
  return std::move(lowered_);
}

std::vector<Expr> unflatten(const Expr& flat, const std::vector<Dim>& dims) {
  std::vector<Expr> index(dims.size());
  Expr rest = flat;
  for (size_t d = dims.size(); d-- > 0;) {
    if (d == 0) {
      index[d] = rest;
    } else {
      index[d] = rest % size_of(dims[d]);
      rest = rest / size_of(dims[d]);
    }
  }
  return index;
}

Expr ceil_div(const Expr& a, const Expr& b) { return (a + b - 1) / b; }

}  // namespace lathe
