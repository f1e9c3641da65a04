#include "tests/cuda/launches.h"

#include "codegen/compile.h"
#include "tests/support/codegen_text.h"

namespace lathe {

std::string launches(const std::string& yaml, int64_t tokens) {
  const Program program =
      compile(graph_from(yaml), target_preset("sm_90a"));
  std::string text;
  const DimBindings dims = without_library(program, {{"T", tokens}});
  for (const Step& step : program.steps) {
    if (step.items.eval(dims) == 0) continue;
    const std::string& name = program.kernels[size_t(step.kernel)].name;
    text += (text.empty() ? "" : " ") + name.substr(0, name.find('_'));
  }
  return text;
}

}  // namespace lathe
