#include "tests/support/loop_interpreter.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "interpreter/scalar_ops.h"
#include "spec/check.h"

namespace lathe {
namespace {

// In Memory::writer: nobody has stored the element.
constexpr int64_t kNobody = -1;
// A kernel before this one has.
constexpr int64_t kEarlier = -2;

}  // namespace

LoopInterpreter::Lanes& LoopInterpreter::Lanes::operator=(const Lanes& other) {
  count = other.count;
  std::copy(other.real, other.real + count, real);
  std::copy(other.whole, other.whole + count, whole);
  return *this;
}

void LoopInterpreter::Lanes::widen(int lanes) {
  for (int i = count; i < lanes; ++i) {
    real[i] = real[0];
    whole[i] = whole[0];
  }
  count = std::max(count, lanes);
}

LoopInterpreter::LoopInterpreter(const LoopKernel& kernel,
                                 std::vector<Tensor> buffers,
                                 const std::vector<int64_t>& sizes)
    : kernel_(kernel) {
  LATHE_CHECK(buffers.size() == kernel.buffers.size() &&
                  sizes.size() == kernel.symbols.size(),
              "arguments that do not fit the kernel");
  for (size_t i = 0; i < sizes.size(); ++i) {
    sizes_[kernel.symbols[i]] = sizes[i];
  }
  for (size_t b = 0; b < buffers.size(); ++b) {
    const BufferParam& param = kernel.buffers[b];
    LATHE_CHECK(buffers[b].dtype() == param.dtype, param.name, " is given as ",
                to_string(buffers[b].dtype()));
    std::vector<int64_t> writer;
    if (param.writable) writer.assign(buffers[b].numel(), kNobody);
    slots_.push_back(
        {param.name, buffers[b], 1, param.writable, std::move(writer)});
  }
  for (const LocalArray& local : kernel.locals) {
    const int64_t size = local.size * local.lanes;
    slots_.push_back({local.name, Tensor(local.dtype, {size}), local.lanes,
                      false, std::vector<int64_t>(size, kNobody)});
  }
}

void LoopInterpreter::fill_before(size_t buffer) {
  auto& writer = slots_[buffer].writer;
  std::fill(writer.begin(), writer.end(), kEarlier);
}

void LoopInterpreter::run(int64_t lo, int64_t hi) {
  values_[kernel_.lo.get()].whole[0] = lo;
  values_[kernel_.hi.get()].whole[0] = hi;
  exec(kernel_.body);
}

void LoopInterpreter::check_outputs() const {
  for (const Memory& memory : slots_) {
    if (!memory.is_output) continue;
    auto missing =
        std::find(memory.writer.begin(), memory.writer.end(), kNobody);
    LATHE_CHECK(missing == memory.writer.end(), "nobody stores ", memory.name,
                "[", missing - memory.writer.begin(), "] of ",
                memory.writer.size());
  }
}

void LoopInterpreter::exec(const Stmt& stmt) {
  if (auto* loop = std::get_if<For>(&stmt->node)) {
    exec(*loop);
  } else if (auto* let = std::get_if<Let>(&stmt->node)) {
    Lanes value = eval(let->value);
    value.widen(let->var->lanes);
    values_[let->var.get()] = value;
  } else if (auto* declare = std::get_if<Declare>(&stmt->node)) {
    Lanes value = eval(declare->value);
    value.widen(declare->var->lanes);
    values_[declare->var.get()] = value;
  } else if (auto* assign = std::get_if<Assign>(&stmt->node)) {
    Lanes value = eval(assign->value);
    value.widen(assign->var->lanes);
    values_[assign->var.get()] = value;
  } else if (auto* store = std::get_if<Store>(&stmt->node)) {
    exec(*store);
  } else if (auto* choice = std::get_if<If>(&stmt->node)) {
    if (truth(choice->condition)) {
      exec(choice->then);
    } else if (choice->otherwise) {
      exec(choice->otherwise);
    }
  } else if (auto* loop_while = std::get_if<While>(&stmt->node)) {
    while (truth(loop_while->condition)) exec(loop_while->body);
  } else if (auto* block = std::get_if<Block>(&stmt->node)) {
    for (const Stmt& child : block->stmts) exec(child);
  } else if (auto* step = std::get_if<Intrinsic>(&stmt->node)) {
    exec(*step);
  } else {
    // A prefetch may name any address, a comment does nothing.
    LATHE_CHECK(std::holds_alternative<Prefetch>(stmt->node) ||
                    std::holds_alternative<Comment>(stmt->node),
                "a statement of GPUs: ", to_string(stmt));
  }
}

void LoopInterpreter::exec(const For& loop) {
  const int64_t begin = whole(loop.begin), end = whole(loop.end);
  const bool items = loop.kind == LoopKind::kItems;
  // Items may be done by different threads: each sees in locals only what it
  // stored itself, and what stood there before the loop.
  const size_t first_local = kernel_.buffers.size();
  std::vector<std::vector<int64_t>> before;
  for (size_t s = first_local; items && s < slots_.size(); ++s) {
    before.push_back(slots_[s].writer);
  }
  for (int64_t i = begin; i < end; i += loop.step) {
    Lanes& counter = values_[loop.var.get()];
    counter.count = 1;
    counter.whole[0] = i;
    if (items) item_ = i;
    for (size_t s = 0; s < before.size(); ++s) {
      slots_[first_local + s].writer = before[s];
    }
    exec(loop.body);
  }
}

LoopInterpreter::Place LoopInterpreter::place_of(int slot, const Expr& index,
                                                 bool vectors,
                                                 const char* what) {
  Memory& memory = slots_[static_cast<size_t>(slot)];
  Place place{memory};
  if (auto* ramp = std::get_if<Ramp>(&index->node)) {
    LATHE_CHECK(ramp->stride == 1, "a ramp with stride ", ramp->stride);
    place.first = whole(ramp->base);
    place.count = ramp->lanes;
  } else if (vectors) {
    place.count = memory.lanes;
    place.first = whole(index) * memory.lanes;
  } else {
    place.first = whole(index);
  }
  LATHE_CHECK(
      place.first >= 0 && place.first + place.count <= memory.data.numel(),
      what, " ", memory.name, "[", place.first, " .. ",
      place.first + place.count - 1, "] of ", memory.data.numel(), " by ",
      to_string(index));
  return place;
}

void LoopInterpreter::exec(const Store& store) {
  Lanes value = eval(store.value);
  bool vectors = slots_[static_cast<size_t>(store.slot)].lanes > 1;
  Place place = place_of(store.slot, store.index, vectors, "stores");
  value.widen(place.count);
  put(place, value, is_float(store.value->type));
}

void LoopInterpreter::put(const Place& place, const Lanes& value, bool real) {
  Memory& memory = place.memory;
  for (int i = 0; i < place.count; ++i) {
    const int64_t at = place.first + i;
    int64_t& writer = memory.writer[static_cast<size_t>(at)];
    LATHE_CHECK(!memory.is_output || writer < 0 || writer == item_,
                "items ", writer, " and ", item_, " both store ", memory.name,
                "[", at, "]");
    writer = item_;
    if (real) {
      memory.data.set(at, value.real[i]);
    } else {
      memory.data.set_int(at, value.whole[i]);
    }
  }
}

LoopInterpreter::Lanes LoopInterpreter::eval(const Expr& expr) {
  Lanes out;
  if (auto* number = std::get_if<Literal>(&expr->node)) {
    out.real[0] = as_double(number->value);
    out.whole[0] = is_float(expr->type) ? 0 : as_int(number->value);
  } else if (auto* ref = std::get_if<VarRef>(&expr->node)) {
    out = values_.at(ref->var.get());
  } else if (auto* size = std::get_if<SizeOf>(&expr->node)) {
    out.whole[0] = size->dim.eval(sizes_);
  } else if (auto* load = std::get_if<Load>(&expr->node)) {
    return eval(*load, expr);
  } else if (auto* call = std::get_if<Call>(&expr->node)) {
    return eval(*call, expr);
  } else if (auto* cast = std::get_if<Cast>(&expr->node)) {
    return eval(*cast, expr);
  } else if (auto* check = std::get_if<CheckedIndex>(&expr->node)) {
    return eval(*check);
  } else {
    LATHE_CHECK(false, "no loop expression: ", to_string(expr));
  }
  return out;
}

// Neighbours of less than 32 bits read as one word, the first ones lowest.
LoopInterpreter::Lanes LoopInterpreter::words(const Load& load) {
  auto& ramp = std::get<Ramp>(load.index[0]->node);
  const Memory& memory = slots_[static_cast<size_t>(load.slot)];
  const int64_t size = sizeof(int32_t), at = whole(ramp.base);
  LATHE_CHECK(memory.writer.empty(), "words of what the kernel itself stores");
  LATHE_CHECK(at >= 0 && (at + ramp.lanes) * size <= memory.data.bytes(),
              "reads words of ", memory.name, " from ", at);
  Lanes out;
  out.count = ramp.lanes;
  for (int i = 0; i < ramp.lanes; ++i) {
    int32_t word = 0;
    std::memcpy(&word, memory.data.data() + (at + i) * size, sizeof word);
    out.whole[i] = word;
  }
  return out;
}

LoopInterpreter::Lanes LoopInterpreter::eval(const Load& load,
                                             const Expr& expr) {
  if (load.dtype != kernel_.dtype_of(load.slot)) return words(load);
  Place place = place_of(load.slot, load.index[0], expr->lanes > 1, "reads");
  LATHE_CHECK(place.count == expr->lanes,
              "a vector of another width: ", to_string(expr));
  Memory& memory = place.memory;
  Lanes out;
  out.count = place.count;
  for (int i = 0; i < place.count; ++i) {
    const int64_t at = place.first + i;
    LATHE_CHECK(memory.writer.empty() ||
                    memory.writer[static_cast<size_t>(at)] != kNobody,
                "reads ", memory.name, "[", at, "], which nothing stored");
    if (is_float(expr->type)) {
      out.real[i] = memory.data.at(at);
    } else {
      out.whole[i] = memory.data.int_at(at);
    }
  }
  return out;
}

// One number chooses a side, and the other is not computed; a vector of truths
// chooses lane by lane.
LoopInterpreter::Lanes LoopInterpreter::select(const Call& call, int lanes) {
  const Lanes condition = eval(call.args[0]);
  if (condition.count == 1) {
    Lanes chosen = eval(call.args[condition.whole[0] ? 1 : 2]);
    chosen.widen(lanes);
    return chosen;
  }
  Lanes yes = eval(call.args[1]), no = eval(call.args[2]);
  yes.widen(lanes);
  no.widen(lanes);
  for (int i = 0; i < lanes; ++i) {
    if (condition.whole[i]) continue;
    yes.real[i] = no.real[i];
    yes.whole[i] = no.whole[i];
  }
  return yes;
}

LoopInterpreter::Lanes LoopInterpreter::eval(const Call& call,
                                             const Expr& expr) {
  const int n = expr->lanes;
  if (call.op == ScalarOp::kSelect) return select(call, n);
  Lanes a = eval(call.args[0]), b = eval(call.args.back()), out;
  a.widen(n);
  b.widen(n);
  out.count = n;
  const ScalarFunction& f = scalar_function(call.op);
  const NumType type = call.args[0]->type;
  if (expr->type == NumType::kBool) {
    uint8_t truths[kMostLanes];
    if (type == NumType::kBool) {
      uint8_t x[kMostLanes], y[kMostLanes];
      std::copy(a.whole, a.whole + n, x);
      std::copy(b.whole, b.whole + n, y);
      f.bools(n, x, y, truths);
    } else if (is_float(type)) {
      f.float_tests(n, a.real, b.real, truths);
    } else {
      f.int_tests(n, a.whole, b.whole, truths);
    }
    std::copy(truths, truths + n, out.whole);
  } else if (is_float(type)) {
    f.floats(n, a.real, b.real, out.real);
    for (int i = 0; i < n && type == NumType::kFloat32; ++i) {
      out.real[i] = static_cast<float>(out.real[i]);
    }
  } else if (is_float(expr->type)) {
    f.int_floats(n, a.whole, b.whole, out.real);
  } else {
    f.ints(n, a.whole, b.whole, out.whole);
    // Vectors of integers have lanes of 32 bits.
    for (int i = 0; i < n && n > 1; ++i) {
      out.whole[i] = static_cast<int32_t>(out.whole[i]);
    }
  }
  return out;
}

LoopInterpreter::Lanes LoopInterpreter::eval(const Cast& cast,
                                             const Expr& expr) {
  Lanes value = eval(cast.arg);
  const bool from_real = is_float(cast.arg->type);
  for (int i = 0; i < value.count; ++i) {
    if (is_bool(cast.dtype)) {
      value.whole[i] = from_real ? value.real[i] != 0 : value.whole[i] != 0;
    } else if (is_float(expr->type)) {
      const double x =
          from_real ? value.real[i] : static_cast<double>(value.whole[i]);
      value.real[i] = round_to(cast.dtype, x);
    } else {
      const int64_t x =
          from_real ? truncate_to_int(value.real[i]) : value.whole[i];
      int64_t stored = 0;  // the widest
      store_int(cast.dtype, &stored, x);
      value.whole[i] = load_int(cast.dtype, &stored);
    }
  }
  return value;
}

LoopInterpreter::Lanes LoopInterpreter::eval(const CheckedIndex& check) {
  const int64_t index = whole(check.index), extent = whole(check.extent);
  LATHE_CHECK(index >= -extent && index < extent, "index ", index,
              " of an axis of size ", extent, " at ", whole(check.position));
  Lanes out;
  out.whole[0] = index < 0 ? index + extent : index;
  return out;
}

}  // namespace lathe
