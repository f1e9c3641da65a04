#include "runtime/packed_weights.h"

#include "runtime/arena_cache.h"
#include "runtime/fault_error.h"
#include "runtime/host_memory.h"
#include "spec/check.h"

namespace lathe {
namespace {

constexpr const char* kOutOfMemory = "L0702";

void check_as_declared(const Buffer& buffer, const Tensor& tensor) {
  LATHE_CHECK(tensor.dtype() == buffer.dtype &&
                  tensor.shape() == eval(buffer.shape, {}),
              "weight ", buffer.name, " is ", to_string(tensor, 1),
              " and not ", to_string(buffer.dtype), to_string(buffer.shape));
}

}  // namespace

PackedWeights::PackedWeights(const Program& program, Device& device)
    : program_(program),
      device_(device),
      addresses_(program.buffers.size()),
      memory_(program.buffers.size()),
      views_(program.buffers.size()),
      uses_(find_weight_uses(program)) {
  for (size_t i = 0; i < program_.buffers.size(); ++i) {
    const Buffer& buffer = program_.buffers[i];
    if (buffer.role == BufferRole::kWeight &&
        (uses_.kept[i] || uses_.last_load_step[i] >= 0)) {
      total_bytes_ += weight_bytes(buffer);
    }
  }
}

void PackedWeights::load(Module& module, const WeightSource& source,
                         const Reporter& reporter) {
  try {
    load_all(module, source, reporter);
  } catch (const DeviceError& error) {
    if (error.code() != kOutOfMemory) throw;
    std::vector<int64_t> sizes(program_.buffers.size());
    for (size_t i = 0; i < sizes.size(); ++i) {
      if (uses_.kept[i]) sizes[i] = weight_bytes(program_.buffers[i]);
    }
    throw DeviceError(error.code(),
                      cat({error.what(), ", wanted for weights, after ",
                           bytes(), " bytes of them:",
                           largest_buffers(program_, sizes)}),
                      error.log());
  }
}

void PackedWeights::load_all(Module& module, const WeightSource& source,
                             const Reporter& reporter) {
  for (size_t i = 0; i < program_.load_steps.size(); ++i) {
    run_step(i, module, source);
    report_progress(reporter);
  }
  for (size_t i = 0; i < uses_.kept.size(); ++i) {
    if (!uses_.kept[i] || addresses_[i]) continue;
    provide(static_cast<int>(i), source);
    report_progress(reporter);
  }
}

void PackedWeights::report_progress(const Reporter& reporter) const {
  reporter.progress({"loading weights", done_bytes_, total_bytes_});
}

void PackedWeights::run_step(size_t index, Module& module,
                             const WeightSource& source) {
  const Step& step = program_.load_steps[index];
  if (index + 1 < program_.load_steps.size()) {
    for (int buffer : program_.load_steps[index + 1].buffers) {
      const Buffer& next = program_.buffers[size_t(buffer)];
      if (next.role == BufferRole::kWeight) source.prefetch(next.name);
    }
  }
  for (int buffer : step.buffers) provide(buffer, source);
  Launch launch{.kernel = step.kernel,
                .buffers = step.buffers,
                .items = step.items.eval({}),
                .cost = step.cost.eval({})};
  for (const Dim& dim : step.dims) launch.dims.push_back(dim.eval({}));
  const auto fault =
      device_.schedule(module, {std::move(launch)})->run(addresses_, nullptr);
  if (fault) fail_with_fault(step, fault->fault);
  for (int buffer : step.buffers) {
    if (uses_.last_load_step[size_t(buffer)] == static_cast<int>(index)) {
      drop(buffer, source);
    }
  }
}

// Gives the buffer an address: that of the stored tensor, or of new memory.
void PackedWeights::provide(int buffer, const WeightSource& source) {
  const auto i = static_cast<size_t>(buffer);
  if (addresses_[i]) return;
  const Buffer& info = program_.buffers[i];
  if (info.role == BufferRole::kConstant) {
    provide_stored(buffer, *info.constant);
  } else if (info.role == BufferRole::kWeight) {
    const Tensor tensor = source.tensor(info.name);
    check_as_declared(info, tensor);
    provide_stored(buffer, tensor);
    if (!views_[i]) source.release(tensor);
    done_bytes_ += tensor.bytes();
  } else {
    memory_[i] = device_.allocate(weight_bytes(info));
    addresses_[i] = memory_[i]->data();
  }
}

void PackedWeights::provide_stored(int buffer, const Tensor& tensor) {
  const auto i = static_cast<size_t>(buffer);
  if (device_.shares_host_memory() && is_aligned_for(tensor.dtype(), tensor.data())) {
    views_[i] = tensor;
    // Kernels do not write to weights, although their arguments could.
    addresses_[i] = views_[i]->mutable_data();
    return;
  }
  memory_[i] = device_.allocate(tensor.bytes());
  addresses_[i] = memory_[i]->data();
  device_.upload(addresses_[i], tensor.data(), tensor.bytes());
}

void PackedWeights::drop(int buffer, const WeightSource& source) {
  const auto i = static_cast<size_t>(buffer);
  if (uses_.kept[i]) return;
  if (program_.buffers[i].role == BufferRole::kWeight && views_[i]) {
    source.release(*views_[i]);
  }
  views_[i].reset();
  memory_[i].reset();
  addresses_[i] = nullptr;
}

Tensor PackedWeights::to_host(int buffer) const {
  const auto i = static_cast<size_t>(buffer);
  if (views_[i]) return *views_[i];
  const Buffer& info = program_.buffers[i];
  Tensor tensor(info.dtype, eval(info.shape, {}));
  device_.download(tensor.mutable_data(), addresses_[i], tensor.bytes());
  return tensor;
}

int64_t PackedWeights::bytes() const {
  int64_t sum = 0;
  for (size_t i = 0; i < addresses_.size(); ++i) {
    if (memory_[i]) sum += memory_[i]->bytes();
    if (views_[i]) sum += views_[i]->bytes();
  }
  return sum;
}

}  // namespace lathe
