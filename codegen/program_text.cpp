// A program as text: what `graph --stage fused` prints and tests compare.
#include "codegen/program.h"
#include "spec/text.h"

namespace lathe {
namespace {

std::string_view role_name(BufferRole role) {
  switch (role) {
    case BufferRole::kInput:
      return "input";
    case BufferRole::kOutput:
      return "output";
    case BufferRole::kWeight:
      return "weight";
    case BufferRole::kConstant:
      return "const";
    case BufferRole::kPacked:
      return "packed";
    case BufferRole::kTemp:
      return "temp";
  }
  return "";
}

std::string buffer_text(const Buffer& buffer) {
  return cat({role_name(buffer.role), " ", buffer.name, ": ",
              to_string(TensorType{buffer.dtype, buffer.shape})});
}

// " threads=128 workers=32 shared=2048" of a GPU kernel.
std::string launch_text(const KernelLaunch& launch) {
  if (launch.threads == 0) return "";
  std::string out = cat({" threads=", launch.threads});
  if (launch.workers > 1) out += cat({" workers=", launch.workers});
  if (launch.shared_bytes > 0) out += cat({" shared=", launch.shared_bytes});
  if (!launch.views.empty()) out += cat({" maps=", launch.views.size()});
  return out;
}

// "3  mm_ab12(x, w, y) items=2*T  mlp.up_proj matmul  # mlp, block.yaml:9".
std::string step_text(const Program& program, const Step& step, size_t index) {
  std::vector<std::string> buffers;
  for (int id : step.buffers) {
    buffers.push_back(program.buffers[static_cast<size_t>(id)].name);
  }
  std::string name = "library", how;
  if (step.product) {
    how = cat({"  ", to_string(*step.product)});
  } else {
    const Kernel& kernel = program.kernels[static_cast<size_t>(step.kernel)];
    name = kernel.name;
    how = launch_text(kernel.launch);
  }
  const std::string unless =
      step.unless.empty() ? "" : cat({" unless ", step.unless});
  std::string out = cat({"  ", index, "  ", name, "(", join(buffers, ", "),
                         ") items=", step.items.to_string(), unless, how, "  ",
                         step.what});
  if (!step.path.empty() || step.span.known()) {
    out += cat({"  # ", step.path});
    if (!step.path.empty() && step.span.known()) out += ", ";
    if (step.span.known()) out += place_of(step.span);
  }
  return out + "\n";
}

std::string steps_text(const Program& program, std::string_view title,
                       const std::vector<Step>& steps) {
  if (steps.empty()) return "";
  std::string out = cat({title, ":\n"});
  for (size_t i = 0; i < steps.size(); ++i) {
    out += step_text(program, steps[i], i);
  }
  return out;
}

}  // namespace

DimBindings without_library(const Program& program, DimBindings dims) {
  for (const std::string& choice : program.choices) dims[choice] = 0;
  return dims;
}

std::string to_string(const Program& program) {
  std::string out =
      cat({"program ", program.name, " for ", program.target, ", ",
           program.kernels.size(), " kernels\n", "buffers:\n"});
  for (const Buffer& buffer : program.buffers) {
    out += cat({"  ", buffer_text(buffer), "\n"});
  }
  return out + steps_text(program, "load", program.load_steps) +
         steps_text(program, "run", program.steps);
}

}  // namespace lathe
