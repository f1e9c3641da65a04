#include "tests/support/codegen_text.h"

#include "codegen/compile.h"
#include "codegen/passes.h"
#include "spec/diagnostic.h"
#include "spec/text.h"
#include "tests/support/elaborate_text.h"

namespace lathe {

Graph graph_from(const std::string& yaml) {
  Diagnostics diagnostics;
  Model model = elaborate_file(
      make_source("model.yaml", "lathe: 1\nmodel: m\n" + yaml), diagnostics);
  diagnostics.throw_if_errors();
  return model.graph;
}

CompiledModel compiled_model(const std::string& yaml,
                             const std::string& target) {
  CompiledModel model{graph_from(yaml), {}};
  model.program = compile(model.graph, target_preset(target));
  return model;
}

std::string schedule_of(const std::string& yaml) {
  return to_string(schedule(graph_from(yaml), target_preset("avx2"), {}));
}

std::string buffers_of(const std::string& yaml) {
  Program program = compile(graph_from(yaml), target_preset("avx2"));
  std::string text;
  for (const Buffer& buffer : program.buffers) {
    bool made = buffer.role == BufferRole::kPacked ||
                buffer.role == BufferRole::kTemp;
    if (!made) continue;
    text += cat({buffer.name, " ", to_string(buffer.dtype),
                 to_string(buffer.shape), "\n"});
  }
  return text;
}

std::string kernels_of(const std::string& yaml, const std::string& target) {
  Program program = compile(graph_from(yaml), target_preset(target));
  std::string text;
  for (const Step& step : program.steps) {
    if (!step.product) text += program.kernels[step.kernel].text;
  }
  return text;
}

}  // namespace lathe
