#include "tests/support/program_runner.h"

#include <cstring>
#include <exception>

#include "runtime/fault_error.h"
#include "runtime/host_compiler.h"
#include "spec/check.h"
#include "spec/diagnostic.h"
#include "tests/emulator/emulated_object.h"
#include "tests/support/fenced_buffers.h"
#include "tests/support/kernel_symbols.h"

namespace lathe {
namespace {

// Kernels in one file: few enough that a wrong one is found quickly.
constexpr size_t kKernelsPerFile = 200;
constexpr int kCompileSeconds = 600;

// What memory holds before a run, as bytes. As floats of any width: NaN, which
// spreads, but not through a maximum; and the largest, which does. As integers:
// -1 and large ones.
constexpr std::byte kNotANumber{0xff};
constexpr std::byte kLargeNumber{0x7f};

// Where a buffer of ours begins, on a GPU and on the host: kernels for vectors
// of the host load and store at any place.
constexpr int64_t kGpuAlignment = 64;
constexpr int64_t kHostAlignment = 1;

void check_fault(const Step& step, const Fault& fault) {
  if (fault.site >= 0) fail_with_fault(step, fault);
}

// What a step's kernel is called with. It outlives the calls: what they hold is
// not freed where a fence ends them.
struct StepCalls {
  std::vector<void*> addresses;
  std::vector<int64_t> sizes;
  int64_t items = 0;
  Fault fault;
};

StepCalls calls_of(const Step& step, const FencedBuffers& buffers,
                   const DimBindings& dims) {
  StepCalls calls;
  for (int b : step.buffers) calls.addresses.push_back(buffers.address(b));
  for (const Dim& dim : step.dims) calls.sizes.push_back(dim.eval(dims));
  calls.items = step.items.eval(dims);
  return calls;
}

// In two parts, the second first.
void call(KernelFunction kernel, StepCalls& calls) {
  Args args{calls.addresses.data(), calls.sizes.data(), &calls.fault};
  const int64_t third = calls.items / 3;
  kernel(&args, third, calls.items);
  kernel(&args, 0, third);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.bytes() == b.bytes() &&
         (a.bytes() == 0 || std::memcmp(a.data(), b.data(),
                                        static_cast<size_t>(a.bytes())) == 0);
}

}  // namespace

ProgramRunner::ProgramRunner(uint64_t seed) : seed_(seed) {}
ProgramRunner::~ProgramRunner() = default;

void ProgramRunner::add(const Program& program) {
  LATHE_CHECK(prelude_.empty() || prelude_ == program.prelude,
              "programs for different targets");
  prelude_ = program.prelude;
  is_gpu_ = is_gpu_ || (!program.kernels.empty() &&
                        program.kernels[0].launch.threads > 0);
  for (const Kernel& kernel : program.kernels) {
    if (kernels_.count(kernel.name) || emulated_.count(kernel.name)) continue;
    waiting_[kernel.name] = kernel.text;
  }
}

void ProgramRunner::compile() {
  std::vector<std::string> names;
  for (const auto& entry : waiting_) names.push_back(entry.first);
  for (size_t i = 0; i < names.size(); i += kKernelsPerFile) {
    size_t end = std::min(names.size(), i + kKernelsPerFile);
    compile_file({names.begin() + static_cast<std::ptrdiff_t>(i),
                  names.begin() + static_cast<std::ptrdiff_t>(end)});
  }
  waiting_.clear();
}

void ProgramRunner::compile_file(const std::vector<std::string>& names) {
  std::string text = prelude_;
  for (const std::string& name : names) text += waiting_.at(name);
  if (is_gpu_) {
    auto object = emulated_object(text);
    for (const std::string& name : names) emulated_[name] = object->find(name);
    emulated_objects_.push_back(std::move(object));
    return;
  }
  std::string number = std::to_string(objects_.size());
  std::string source = folder_.write("kernels" + number + ".cpp", text);
  std::string object = folder_.file("kernels" + number + ".so");
  auto compiler = find_compiler(options_from_environment());
  if (!compiler) fail_without_compiler();
  CompileResult result =
      compile_object(*compiler, source, object, kCompileSeconds);
  LATHE_CHECK(result.ok, result.log.substr(0, 4000));
  const std::string missing = missing_symbols(object);
  LATHE_CHECK(missing.empty(), "kernels need ", missing);
  std::string reason;
  auto loaded = ObjectFile::open(object, reason);
  LATHE_CHECK(loaded != nullptr, reason);
  for (const std::string& name : names) kernels_[name] = loaded->find(name);
  objects_.push_back(std::move(loaded));
}

KernelFunction ProgramRunner::find(const std::string& name) const {
  KernelFunction kernel = kernels_.at(name);
  LATHE_CHECK(kernel != nullptr, "no kernel ", name);
  return kernel;
}

// In few blocks, so that threads go on with further items.
void ProgramRunner::emulate_step(const Program& program, const Step& step,
                                 const FencedBuffers& buffers,
                                 const DimBindings& dims) {
  constexpr int64_t kMostBlocks = 3;
  const Kernel& kernel = program.kernels[step.kernel];
  KernelParameters values = {};
  LATHE_CHECK(step.buffers.size() + step.dims.size() + 2 +
                      kernel.launch.views.size() <=
                  values.size(),
              kernel.name, " has too many parameters");
  const int64_t items = step.items.eval(dims);
  if (items == 0) return;
  size_t next = 0;
  for (int b : step.buffers) {
    values[next++] = reinterpret_cast<uint64_t>(buffers.address(b));
  }
  std::vector<int64_t> sizes;
  for (const Dim& dim : step.dims) {
    sizes.push_back(dim.eval(dims));
    values[next++] = static_cast<uint64_t>(sizes.back());
  }
  Fault fault;
  values[next++] = static_cast<uint64_t>(items);
  values[next++] = reinterpret_cast<uint64_t>(&fault);
  const auto maps = tensor_maps_of(kernel.launch, values, sizes);
  for (const EmulatedTensorMap& map : maps) {
    values[next++] = reinterpret_cast<uint64_t>(&map);
  }
  const std::string error =
      emulate_kernel(emulated_.at(kernel.name), kernel.launch, items, values,
                     seed_, kMostBlocks);
  LATHE_CHECK(error.empty(), kernel.name, ": ", error, "\n", kernel.text);
  check_fault(step, fault);
}

void ProgramRunner::run_fenced(const Program& program, const Step& step,
                               const FencedBuffers& buffers,
                               const DimBindings& dims) {
  if (step.product) return;
  const Kernel& kernel = program.kernels[step.kernel];
  std::exception_ptr error;
  StepCalls calls = calls_of(step, buffers, dims);
  const KernelFunction function = is_gpu_ ? nullptr : find(kernel.name);
  const std::optional<Trap> trap = trap_of([&] {
    try {
      if (is_gpu_) {
        emulate_step(program, step, buffers, dims);
      } else {
        call(function, calls);
      }
    } catch (...) {
      error = std::current_exception();
    }
  });
  if (error) std::rethrow_exception(error);
  if (!trap) {
    check_fault(step, calls.fault);
    return;
  }
  LATHE_CHECK(trap->memory, kernel.name, " does what C++ leaves undefined\n",
              kernel.commented);
  LATHE_CHECK(false, kernel.name, " touches ", buffers.place_of(trap->address),
              "\n", kernel.commented);
}

std::vector<Tensor> ProgramRunner::run_once(const Program& program,
                                            const EvaluateInputs& inputs,
                                            Fence fence, std::byte rubbish) {
  FencedBuffers buffers(program, inputs,
                        is_gpu_ ? kGpuAlignment : kHostAlignment, fence,
                        rubbish);
  for (const Step& step : program.load_steps) {
    run_fenced(program, step, buffers, inputs.dims);
  }
  buffers.begin_run();
  for (size_t i = 0; i < program.steps.size(); ++i) {
    buffers.begin_step(static_cast<int>(i));
    run_fenced(program, program.steps[i], buffers, inputs.dims);
    buffers.end_step(static_cast<int>(i));
  }
  const std::string overrun = buffers.first_overrun();
  LATHE_CHECK(overrun.empty(), program.name, " stores beside `", overrun, "`");
  std::vector<Tensor> outputs;
  for (const Port& port : program.outputs) {
    outputs.push_back(buffers.contents(port.buffer));
  }
  return outputs;
}

std::vector<Tensor> ProgramRunner::run(const Program& program,
                                       const EvaluateInputs& given) {
  EvaluateInputs inputs = given;
  inputs.dims = without_library(program, given.dims);
  const std::vector<Tensor> outputs =
      run_once(program, inputs, Fence::kBehind, kNotANumber);
  // The emulator is slow.
  if (is_gpu_) return outputs;
  const std::vector<Tensor> others =
      run_once(program, inputs, Fence::kBefore, kLargeNumber);
  for (size_t i = 0; i < outputs.size(); ++i) {
    LATHE_CHECK(same_bits(outputs[i], others[i]), "`", program.outputs[i].name,
                "` depends on what memory held before: ",
                to_string(outputs[i]), " or ", to_string(others[i]), "\n",
                to_string(program));
  }
  return outputs;
}

}  // namespace lathe
