#include "codegen/render.h"

#include "codegen/cuda/render_cuda.h"
#include "codegen/render_cpp.h"

namespace lathe {

std::string render_kernel(const LoopKernel& kernel, const std::string& name,
                          const Target& target) {
  return target.gpu ? cuda::render_kernel(kernel, name)
                    : cpu::render_kernel(kernel, name);
}

}  // namespace lathe
