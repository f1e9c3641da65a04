#include "tests/support/fenced_buffers.h"

#include <cstring>

#include "runtime/index_room.h"
#include "runtime/weight_uses.h"
#include "spec/text.h"

namespace lathe {
namespace {

// What the buffer holds from the beginning, or null.
const Tensor* given_contents(const Buffer& buffer,
                             const EvaluateInputs& inputs) {
  switch (buffer.role) {
    case BufferRole::kConstant:
      return buffer.constant.get();
    case BufferRole::kInput:
    case BufferRole::kWeight:
      return &inputs.tensors.at(buffer.value);
    case BufferRole::kOutput:
    case BufferRole::kPacked:
    case BufferRole::kTemp:
      return nullptr;
  }
  return nullptr;
}

// Whether kernels change the constant, and leave it as it was: that which
// BufferSource::kCounts binds is no value of the graph.
bool is_counts(const Buffer& buffer) {
  return buffer.role == BufferRole::kConstant && buffer.value < 0;
}

}  // namespace

FencedBuffers::FencedBuffers(const Program& program,
                             const EvaluateInputs& inputs, int64_t alignment,
                             Fence fence, std::byte rubbish)
    : program_(program) {
  const std::vector<bool> indexed = find_indexed(program);
  for (const Buffer& buffer : program.buffers) {
    const Tensor* given = given_contents(buffer, inputs);
    shapes_.push_back(given ? given->shape()
                            : eval(buffer.shape, inputs.dims));
    int64_t count = 1;
    for (int64_t size : shapes_.back()) count *= size;
    bytes_.push_back(bytes_of(buffer.dtype, count));
    if (count == 0 && indexed[bytes_.size() - 1]) {
      bytes_.back() = index_room(buffer.dtype, shapes_.back());
    }
    memory_.push_back(std::make_shared<FencedMemory>(
        bytes_.back(), alignment, fence, rubbish));
    if (given && given->bytes() > 0) {
      std::memcpy(memory_.back()->data(), given->data(),
                  static_cast<size_t>(given->bytes()));
    }
    if (given && !is_counts(buffer)) memory_.back()->allow(Access::kRead);
    if (buffer.role == BufferRole::kTemp) {
      memory_.back()->allow(Access::kNone);
    }
  }
  // What load steps hand each other is theirs.
  for (const Step& step : program.load_steps) {
    for (int b : step.buffers) {
      const auto i = static_cast<size_t>(b);
      if (info(i).role == BufferRole::kTemp) allow(i, Access::kWrite);
    }
  }
}

void FencedBuffers::allow(size_t buffer, Access access) {
  memory_[buffer]->allow(access);
}

void FencedBuffers::begin_run() {
  const WeightUses uses = find_weight_uses(program_);
  for (size_t i = 0; i < memory_.size(); ++i) {
    const BufferRole role = info(i).role;
    if (role == BufferRole::kPacked) allow(i, Access::kRead);
    if (role == BufferRole::kTemp) allow(i, Access::kNone);
    if (role == BufferRole::kWeight && !uses.kept[i]) allow(i, Access::kNone);
  }
}

void FencedBuffers::begin_step(int step) {
  for (size_t i = 0; i < memory_.size(); ++i) {
    const bool begins =
        info(i).role == BufferRole::kTemp && info(i).first == step;
    if (begins) allow(i, Access::kWrite);
  }
}

void FencedBuffers::end_step(int step) {
  for (size_t i = 0; i < memory_.size(); ++i) {
    const bool ends =
        info(i).role == BufferRole::kTemp && info(i).last == step;
    if (ends) allow(i, Access::kNone);
  }
}

std::string FencedBuffers::place_of(const void* address) const {
  for (size_t i = 0; i < memory_.size(); ++i) {
    const auto offset = memory_[i]->offset_of(address);
    if (!offset) continue;
    const std::string name =
        cat({"`", info(i).name, "` (", bytes_[i], " bytes)"});
    if (*offset < 0) {
      return cat({-*offset, " bytes before the beginning of ", name});
    }
    if (*offset >= bytes_[i]) {
      return cat({*offset - bytes_[i], " bytes behind the end of ", name});
    }
    return cat({name, ", which may not be read or written then"});
  }
  return "memory of nobody";
}

std::string FencedBuffers::first_overrun() {
  for (size_t i = 0; i < memory_.size(); ++i) {
    allow(i, Access::kRead);
    if (memory_[i]->is_overrun()) return info(i).name;
  }
  return "";
}

Tensor FencedBuffers::contents(int buffer) const {
  const auto i = static_cast<size_t>(buffer);
  return Tensor(info(i).dtype, shapes_[i], memory_[i]->data(), memory_[i]);
}

}  // namespace lathe
