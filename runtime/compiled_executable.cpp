#include "runtime/compiled_executable.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "runtime/bind_dims.h"
#include "runtime/fault_error.h"
#include "runtime/host_memory.h"
#include "runtime/index_room.h"
#include "runtime/kernel_sources.h"
#include "runtime/stopwatch.h"
#include "spec/check.h"
#include "spec/diagnostic.h"

namespace lathe {
namespace {

// Sizes that launches are kept for: a batch that grows and shrinks, a prompt
// and the tokens behind it.
constexpr size_t kMostBindings = 8;

// Every buffer of a step must get an address from somewhere.
void check_ports(const Program& program) {
  std::vector<bool> given(program.buffers.size(), false);
  for (const auto* ports : {&program.inputs, &program.outputs}) {
    for (const auto& port : *ports) given[size_t(port.buffer)] = true;
  }
  for (const Step& step : program.steps) {
    for (int index : step.buffers) {
      const Buffer& buffer = program.buffers[size_t(index)];
      const bool is_port = buffer.role == BufferRole::kInput ||
                           buffer.role == BufferRole::kOutput;
      LATHE_CHECK(!is_port || given[size_t(index)], "step ", step.what,
                  " uses ", buffer.name, ", which is no port");
    }
  }
}

// Bytes of a buffer with these sizes. Throws SpecError L0410.
int64_t checked_bytes(const Buffer& buffer, const std::vector<int>& shape,
                      const DimTable& dims) {
  int64_t count = 1;
  for (int dim : shape) {
    if (dims[dim] == 0) return 0;
  }
  bool overflow = false;
  for (int dim : shape) {
    overflow |= __builtin_mul_overflow(count, dims[dim], &count);
  }
  if (!overflow) {
    try {
      return bytes_of(buffer.dtype, count);
    } catch (const DimError&) {
    }
  }
  fail("L0410", {},
       cat({"`", buffer.name, "`, ", to_string(buffer.dtype),
            to_string(buffer.shape), ", takes more than 2^63 bytes"}));
}

// A device's error with what the memory was for.
[[noreturn]] void fail_for(const DeviceError& error, const std::string& what) {
  throw DeviceError(error.code(), cat({error.what(), ", wanted for ", what}),
                    error.log());
}

}  // namespace

std::vector<InputInfo> inputs_of(const Program& program) {
  std::vector<InputInfo> inputs;
  for (const auto& port : program.inputs) {
    const Buffer& buffer = program.buffers[size_t(port.buffer)];
    inputs.push_back({port.name,
                      {buffer.dtype, buffer.shape},
                      port.default_value,
                      port.span});
  }
  return inputs;
}

CompiledExecutable::CompiledExecutable(Program program, Device& device,
                                       const WeightSource& weights,
                                       const Reporter& reporter, bool profile,
                                       const std::vector<std::string>& objects,
                                       const DimBindings& sizes)
    : program_(std::move(program)),
      device_(device),
      profile_(profile),
      inputs_(inputs_of(program_), reporter),
      choices_(program_, device_, dims_, reporter),
      indexed_(find_indexed(program_)),
      arena_cache_(program_),
      ports_(program_.buffers.size()) {
  check_ports(program_);
  compile(objects, sizes, reporter);
  load(weights, reporter);
  tabulate();
  addresses_ = weights_->addresses();
}

void CompiledExecutable::compile(const std::vector<std::string>& objects,
                                 const DimBindings& sizes,
                                 const Reporter& reporter) {
  std::vector<KernelSource> sources = kernel_sources(program_, sizes);
  if (!objects.empty()) {
    module_ = device_.load(std::move(sources), objects);
    return;
  }
  reporter.progress({"compiling kernels", 0, 0});
  module_ = device_.compile(program_.prelude, std::move(sources));
}

void CompiledExecutable::load(const WeightSource& weights,
                              const Reporter& reporter) {
  const Clock::time_point start = Clock::now();
  weights_ = std::make_unique<PackedWeights>(program_, device_);
  weights_->load(*module_, weights, reporter);
  load_report_.weights_seconds = seconds_since(start);
  load_report_.weight_bytes = weights_->bytes();
  load_report_.steps = static_cast<int>(program_.steps.size());
  reporter.progress({"compiling kernels", 0, 0});
  load_report_.kernels = module_->wait();
}

void CompiledExecutable::tabulate() {
  for (const Step& step : program_.steps) {
    BoundStep bound;
    for (const Dim& dim : step.dims) bound.dims.push_back(dims_.add(dim));
    bound.items = dims_.add(step.items);
    if (!step.unless.empty()) {
      bound.unless = dims_.add(Dim::symbol(step.unless));
    }
    bound.cost = dims_.add(step.cost);
    steps_.push_back(std::move(bound));
  }
  for (const Buffer& buffer : program_.buffers) {
    std::vector<int>& shape = shapes_.emplace_back();
    for (const Dim& dim : buffer.shape) shape.push_back(dims_.add(dim));
  }
}

std::vector<NamedTensor> CompiledExecutable::run(
    const std::map<std::string, Tensor>& given, const DimBindings& dims) {
  const Clock::time_point start = Clock::now();
  std::map<std::string, Tensor> tensors = inputs_.convert(given);
  const DimBindings bindings = bind_dims(inputs(), tensors, dims);
  require_bound(program_.symbols, inputs(), bindings);
  if (bound_.empty() || bindings != bound_.front().dims) bind(bindings);
  inputs_.fill_defaults(tensors, bindings);
  for (const auto& port : program_.inputs) {
    provide_input(port.buffer, tensors.at(port.name));
  }
  for (const auto& port : program_.outputs) provide_output(port.buffer);
  run_report_.bind_seconds = seconds_since(start);

  std::vector<int64_t> nanoseconds;
  const auto fault =
      bound_.front().launches->run(addresses_, profile_ ? &nanoseconds : nullptr);
  if (fault) {
    fail_with_fault(program_.steps[size_t(fault->launch)], fault->fault);
  }
  std::vector<NamedTensor> outputs = collect_outputs();
  run_report_.seconds = seconds_since(start);
  report_run(nanoseconds);
  return outputs;
}

void CompiledExecutable::bind(const DimBindings& dims) {
  check_constraints(program_.constraints, dims);
  const auto known =
      std::find_if(bound_.begin(), bound_.end(),
                   [&](const BoundLaunches& b) { return b.dims == dims; });
  BoundLaunches next{dims, nullptr};
  if (known != bound_.end()) {
    next = std::move(*known);
    bound_.erase(known);
  }
  // The table is no more that of the front.
  std::list<BoundLaunches> others = std::exchange(bound_, {});
  try {
    choices_.bind(dims);
  } catch (const DimError& error) {
    fail("L0410", {}, cat({"a size is too large: ", error.what()}));
  }
  place_temporaries(buffer_sizes());
  if (!next.launches) {
    next.launches = make_launches();
    // Kernels that rested may have come.
    load_report_.kernels = module_->wait();
  }
  bound_ = std::move(others);
  bound_.push_front(std::move(next));
  if (bound_.size() > kMostBindings) bound_.pop_back();
}

int64_t CompiledExecutable::memory_for(size_t buffer) const {
  const Buffer& info = program_.buffers[buffer];
  const int64_t bytes = checked_bytes(info, shapes_[buffer], dims_);
  return bytes > 0 || !indexed_[buffer] ? bytes
                                        : index_room(info.dtype, sizes_of(buffer));
}

std::vector<int64_t> CompiledExecutable::sizes_of(size_t buffer) const {
  std::vector<int64_t> sizes;
  for (int dim : shapes_[buffer]) sizes.push_back(dims_[dim]);
  return sizes;
}

std::vector<int64_t> CompiledExecutable::buffer_sizes() const {
  std::vector<int64_t> sizes(program_.buffers.size());
  for (size_t i = 0; i < sizes.size(); ++i) {
    const int64_t bytes = memory_for(i);
    if (program_.buffers[i].role == BufferRole::kTemp) sizes[i] = bytes;
  }
  return sizes;
}

void CompiledExecutable::place_temporaries(const std::vector<int64_t>& sizes) {
  const ArenaPlan& plan = arena_cache_.plan(sizes);
  if (!arena_ || arena_->bytes() < plan.bytes) {
    arena_.reset();
    try {
      arena_ = device_.allocate(plan.bytes);
    } catch (const DeviceError& error) {
      fail_for(error, cat({"temporaries:", largest_buffers(program_, sizes)}));
    }
  }
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (plan.offsets[i] < 0) continue;
    addresses_[i] = static_cast<std::byte*>(arena_->data()) + plan.offsets[i];
  }
  run_report_.temporary_bytes = plan.bytes;
}

int64_t CompiledExecutable::items_of(size_t step) const {
  const BoundStep& bound = steps_[step];
  const bool yields = bound.unless >= 0 && dims_[bound.unless] == 1;
  return yields ? 0 : dims_[bound.items];
}

std::unique_ptr<LaunchList> CompiledExecutable::make_launches() {
  std::vector<Launch> launches;
  for (size_t i = 0; i < steps_.size(); ++i) {
    Launch launch{.kernel = program_.steps[i].kernel,
                  .buffers = program_.steps[i].buffers,
                  .items = items_of(i),
                  .cost = dims_[steps_[i].cost]};
    for (int dim : steps_[i].dims) launch.dims.push_back(dims_[dim]);
    if (const Step& step = program_.steps[i]; step.product) {
      launch.product = choices_.product_of(i);
      launch.place = cat({step.path.empty() ? step.what : step.path, " (",
                          place_of(step.span), ")"});
    }
    launches.push_back(std::move(launch));
  }
  return device_.schedule(*module_, std::move(launches));
}

// Memory that the caller may still look at is not written again.
void CompiledExecutable::provide_memory(int buffer, int64_t bytes) {
  Port& port = ports_[size_t(buffer)];
  // Memory of the host becomes the caller's tensor, so it is no larger. On
  // others addresses that stay are worth more: graphs hold them.
  const bool fits = port.memory && (device_.shares_host_memory()
                                        ? port.memory->bytes() == bytes
                                        : port.memory->bytes() >= bytes);
  const bool usable = fits && port.memory.use_count() == 1;
  if (!usable) {
    // The old first: there may not be room for both.
    port.memory.reset();
    try {
      port.memory = device_.allocate(bytes);
    } catch (const DeviceError& error) {
      const Buffer& wanted = program_.buffers[size_t(buffer)];
      fail_for(error, cat({"`", wanted.name, "` ", to_string(wanted.dtype),
                           to_string(wanted.shape)}));
    }
  }
  addresses_[size_t(buffer)] = port.memory->data();
}

void CompiledExecutable::provide_input(int buffer, const Tensor& tensor) {
  Port& port = ports_[size_t(buffer)];
  port.tensor = tensor;
  const int64_t bytes =
      tensor.bytes() > 0 ? tensor.bytes() : memory_for(size_t(buffer));
  if (device_.shares_host_memory() && bytes == tensor.bytes() &&
      is_aligned_for(tensor.dtype(), tensor.data())) {
    // Kernels do not write to inputs, although their arguments could.
    addresses_[size_t(buffer)] = port.tensor.mutable_data();
    return;
  }
  provide_memory(buffer, bytes);
  device_.upload(addresses_[size_t(buffer)], tensor.data(), tensor.bytes());
}

void CompiledExecutable::provide_output(int buffer) {
  const Buffer& info = program_.buffers[size_t(buffer)];
  if (info.role != BufferRole::kOutput) return;
  ports_[size_t(buffer)].tensor = {};
  provide_memory(buffer, memory_for(size_t(buffer)));
}

std::vector<NamedTensor> CompiledExecutable::collect_outputs() {
  std::vector<NamedTensor> outputs;
  for (const auto& port : program_.outputs) {
    outputs.push_back({port.name, output_of(port.buffer)});
  }
  // The caller's tensors, and the tensors that outputs became, are theirs.
  for (Port& port : ports_) port.tensor = {};
  return outputs;
}

Tensor CompiledExecutable::output_of(int buffer) {
  const auto i = static_cast<size_t>(buffer);
  const Buffer& info = program_.buffers[i];
  Port& port = ports_[i];
  if (info.role == BufferRole::kInput) return port.tensor;
  if (info.role != BufferRole::kOutput) return weights_->to_host(buffer);
  if (port.tensor.data()) return port.tensor;  // one buffer, two names
  std::vector<int64_t> shape = sizes_of(i);
  if (device_.shares_host_memory()) {
    auto* data = static_cast<std::byte*>(port.memory->data());
    port.tensor = Tensor(info.dtype, std::move(shape), data, port.memory);
  } else {
    port.tensor = Tensor(info.dtype, std::move(shape));
    device_.download(port.tensor.mutable_data(), addresses_[i],
                     port.tensor.bytes());
  }
  return port.tensor;
}

void CompiledExecutable::report_run(const std::vector<int64_t>& nanoseconds) {
  run_report_.steps.clear();
  for (size_t i = 0; i < nanoseconds.size(); ++i) {
    // A kernel that these sizes do not want.
    if (items_of(i) == 0) continue;
    const Step& step = program_.steps[i];
    int64_t bytes = 0;
    // The last buffer of a product is room to work in.
    const size_t count = step.buffers.size() - (step.product ? 1 : 0);
    for (size_t k = 0; k < count; ++k) {
      const auto b = static_cast<size_t>(step.buffers[k]);
      bytes += checked_bytes(program_.buffers[b], shapes_[b], dims_);
    }
    run_report_.steps.push_back({step.what, step.path, place_of(step.span),
                                 nanoseconds[i], bytes});
  }
}

}  // namespace lathe
