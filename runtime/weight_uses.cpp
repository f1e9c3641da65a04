#include "runtime/weight_uses.h"

namespace lathe {
namespace {

bool is_weight_role(BufferRole role) {
  return role == BufferRole::kWeight || role == BufferRole::kConstant ||
         role == BufferRole::kPacked;
}

}  // namespace

WeightUses find_weight_uses(const Program& program) {
  WeightUses uses;
  uses.last_load_step.assign(program.buffers.size(), -1);
  uses.kept.assign(program.buffers.size(), false);
  for (size_t i = 0; i < program.load_steps.size(); ++i) {
    for (int buffer : program.load_steps[i].buffers) {
      uses.last_load_step[size_t(buffer)] = static_cast<int>(i);
    }
  }
  const auto keep = [&](int buffer) {
    const auto i = static_cast<size_t>(buffer);
    uses.kept[i] = is_weight_role(program.buffers[i].role);
  };
  for (const Step& step : program.steps) {
    for (int buffer : step.buffers) keep(buffer);
  }
  for (const Port& port : program.outputs) keep(port.buffer);
  return uses;
}

int64_t weight_bytes(const Buffer& buffer) {
  return bytes_of(buffer.dtype, numel(buffer.shape).value());
}

}  // namespace lathe
